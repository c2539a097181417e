"""Games against a hidden population of opponents.

`goofspiel`: the game of pure strategy (Ross 1971), 13 cards, open bids, opponents of several kinds.
`kuhn_poker`: Kuhn's three-card poker (1950), many hands in a row against opponents with fixed, exploitable habits.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee
from mlgym_synth.task import Source

CARDS = 13
_KINDS = ("match", "above", "top-heavy", "echo", "below")


def _make_goofspiel(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    return [
        {
            "prizes": (rng.permutation(CARDS) + 1).tolist(),
            "kind": _KINDS[int(rng.integers(len(_KINDS)))],
            "noise": float(rng.choice([0.0, 0.1, 0.25])),
            "seed": int(rng.integers(2**31)),
        }
        for _ in range(count)
    ]


def _wish(kind: str, prize: int, last_bid: int) -> float:
    """The card an opponent of this kind would like to bid."""
    if kind == "top-heavy":
        return prize + 4 if prize > 8 else prize - 5
    return {"match": prize, "above": prize + 1, "below": prize - 2, "echo": last_bid}[kind]


def _play_goofspiel(instance: Any) -> Play:
    rng = random.Random(instance["seed"])
    mine, theirs = list(range(1, CARDS + 1)), list(range(1, CARDS + 1))
    history: list[list[int]] = []
    points = [0, 0]
    for prize in instance["prizes"]:
        bid = yield [prize, list(mine), list(theirs), [list(turn) for turn in history]]
        if isinstance(bid, bool) or bid not in mine:
            raise IllegalAnswer("a bid must be one of the cards still in your hand")
        wish = _wish(instance["kind"], prize, history[-1][1] if history else prize)
        noisy = rng.random() < instance["noise"]
        answer = rng.choice(theirs) if noisy else min(theirs, key=lambda card: (abs(card - wish), card))
        mine.remove(bid)
        theirs.remove(answer)
        history.append([prize, int(bid), answer])
        if bid != answer:
            points[bid < answer] += prize
    total = sum(points)
    return points[0] / total if total else 0.5


GOOFSPIEL = Referee(
    make=_make_goofspiel,
    play=_play_goofspiel,
    trivial="def bid(prize, mine, theirs, history):\n    return max(mine)\n",
    random="import random\n\n\ndef bid(prize, mine, theirs, history):\n    return random.choice(mine)\n",
    bound=1.0,
)


def _make_kuhn(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    hands = int(parameters.get("hands", 60))
    made = []
    for _ in range(count):
        bluff, slow, call = rng.beta(0.25, 0.2), rng.beta(0.5, 4.0), rng.beta(0.25, 0.35)
        made.append(
            {
                "bet": [round(float(p), 3) for p in (bluff, 0.3 * bluff, 1.0 - slow)],
                "call": [round(float(p), 3) for p in (0.1 * call, call, 1.0)],
                "deals": [rng.permutation(3)[:2].tolist() for _ in range(hands)],
                "seed": int(rng.integers(2**31)),
            }
        )
    return made


def _play_kuhn(instance: Any) -> Play:
    past: list[list[Any]] = []
    gains = 0
    for number, (mine, theirs) in enumerate(instance["deals"]):
        rng = random.Random(instance["seed"] * 1000 + number)  # the same luck whatever was played before
        gain, actions, shown = yield from _hand(instance, rng, mine, theirs, number % 2 == 0, past)
        past.append([mine, number % 2 == 0, actions, theirs if shown else None, gain])
        gains += gain
    return gains / len(instance["deals"])


def _hand(instance: Any, rng: random.Random, mine: int, theirs: int, first: bool, past: list[list[Any]]) -> Any:
    bets, calls = rng.random() < instance["bet"][theirs], rng.random() < instance["call"][theirs]
    won = 1 if mine > theirs else -1
    if first:
        if (yield from _asks(mine, "", past)):
            return (won * 2, "bc", True) if calls else (1, "bf", False)
        if not bets:
            return won, "pp", True
        if (yield from _asks(mine, "pb", past)):
            return won * 2, "pbc", True
        return -1, "pbf", False
    if bets:
        if (yield from _asks(mine, "b", past)):
            return won * 2, "bc", True
        return -1, "bf", False
    if (yield from _asks(mine, "p", past)):
        return (won * 2, "pbc", True) if calls else (1, "pbf", False)
    return won, "pp", True


def _asks(card: int, actions: str, past: list[list[Any]]) -> Any:
    answer = yield [card, actions, past]
    if not isinstance(answer, bool):
        raise IllegalAnswer("the answer must be True (bet or call) or False (pass or fold)")
    return answer


KUHN_POKER = Referee(
    make=_make_kuhn,
    play=_play_kuhn,
    trivial="def act(card, actions, past):\n    return False\n",
    random="import random\n\n\ndef act(card, actions, past):\n    return random.random() < 0.5\n",
    bound=2.0,
)
