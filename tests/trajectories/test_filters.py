"""Filters: what each takes, in which order, what the table says, and that nothing piles up in memory."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mlgym_synth import registry
from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.trajectories import Said, Trajectory
from mlgym_synth.trajectories.filters import (
    Best,
    CutTrajectory,
    Stores,
    TrajectoryFilter,
    apply,
    at_most,
    best_of_task,
    by_agent,
    cut_to,
    distinct,
    first_of_task,
    improved,
    not_void,
    of_family,
    of_split,
    progress_at_least,
    reward_at_least,
    successful,
    with_steps,
)
from mlgym_synth.trajectories.store import TrajectoryStore
from mlgym_synth.trajectories.tokens import by_text, estimate
from mlgym_synth.trajectories.turns import Form
from tests.trajectories.episodes import a_step, an_episode

TRAIN, HELDOUT = (registry.select(split=split, limit=1)[0].id for split in ("train", "heldout"))
"""Tasks that the registry knows, and of which it knows better than episodes of former times what split they are of."""

words = by_text(lambda text: len(text.split()), "words")


def worth(reward: float, task_id: str = "task-0001", **more: object) -> Trajectory:
    return an_episode(a_step(tool("submit"), reward=reward), task_id=task_id, **more)


def seeds(trajectories: Sequence[Trajectory], *filters: TrajectoryFilter | Best) -> list[int]:
    return [trajectory.seed for trajectory in apply(trajectories, filters)[0]]


def counts(trajectories: Sequence[Trajectory], *filters: TrajectoryFilter | Best) -> list[tuple[int, int, int]]:
    kept, table = apply(trajectories, filters)
    assert len(list(kept)) == (table[-1].left if table else len(trajectories))
    return [(line.came, line.removed, line.left) for line in table]


@pytest.mark.parametrize(
    ("taken", "takes", "leaves"),
    [
        (not_void(), {"fault": "agent", "exit_status": None}, {"fault": "infrastructure", "exit_status": None}),
        (not_void(), {}, {"fault": "model", "exit_status": None}),
        (successful(), {"exit_status": "auto_submitted"}, {"exit_status": "no_submission", "test_score": None}),
        (improved(), {"progress": 0.01}, {"progress": 0.0}),
        (improved(), {"progress": 1e-5}, {"progress": 2e-15}),
        (improved(), {}, {"progress": None}),
        (progress_at_least(0.5), {"progress": 0.5}, {"progress": 0.49}),
        (progress_at_least(-1), {"progress": -0.5}, {"progress": None}),
        (of_split("train"), {"task_id": "gone", "split": "train"}, {"task_id": "gone", "split": "heldout"}),
        (of_split("train"), {"task_id": TRAIN, "split": "heldout"}, {"task_id": HELDOUT, "split": "train"}),
        (of_split("heldout"), {"task_id": HELDOUT, "split": "train"}, {"task_id": TRAIN, "split": "heldout"}),
        (of_family("tabular-*"), {"family": "tabular-ranking"}, {"family": "games"}),
        (by_agent("openai:*"), {"agent": "openai:m"}, {"agent": "human"}),
    ],
)
def test_what_a_filter_takes(taken: TrajectoryFilter, takes: dict[str, object], leaves: dict[str, object]) -> None:
    assert seeds([an_episode(seed=1, **takes), an_episode(seed=2, **leaves)], taken) == [1]


def test_steps_and_reward() -> None:
    assert seeds([worth(0.5, seed=1), worth(0.49, seed=2)], reward_at_least(0.5)) == [1]
    empty = dataclasses.replace(an_episode(seed=2), steps=[])
    assert seeds([an_episode(seed=1), empty], with_steps()) == [1]


def test_the_best_of_each_task_in_their_order() -> None:
    rewards = [("a", 0.2), ("a", 0.7), ("b", 0.1), ("a", 0.7), ("a", 0.6), ("b", 0.0)]
    episodes = [worth(reward, task, seed=seed) for seed, (task, reward) in enumerate(rewards)]
    assert seeds(episodes, best_of_task(1)) == [1, 2]  # the first of equal ones
    assert seeds(episodes, best_of_task(2)) == [1, 2, 3, 5]
    assert seeds(episodes, best_of_task(9)) == list(range(6))
    further = [worth(0.7, seed=1, progress=0.3), worth(0.7, seed=2, progress=0.31), worth(0.7, seed=3, progress=None)]
    assert seeds(further, best_of_task(1)) == [2]


def test_the_order_given_is_the_order_applied() -> None:
    episodes = [worth(0.9, seed=0, test_score=None), worth(0.5, seed=1), worth(0.6, seed=2), worth(0.1, "b", seed=3)]
    assert seeds(episodes, successful(), best_of_task(1)) == [2, 3]
    assert seeds(episodes, best_of_task(1), successful()) == [3]
    assert counts(episodes, successful(), best_of_task(1), reward_at_least(0.2)) == [(4, 1, 3), (3, 1, 2), (2, 1, 1)]
    assert counts(episodes, best_of_task(2), best_of_task(1), successful()) == [(4, 1, 3), (3, 1, 2), (2, 1, 1)]
    assert counts(episodes) == []


def test_the_first_of_each_task_and_of_duplicates() -> None:
    episodes = [worth(0.5, task, seed=seed) for seed, task in enumerate("aabab")]
    assert seeds(episodes, first_of_task(1)) == [0, 2]
    assert seeds(episodes, first_of_task(2)) == [0, 1, 2, 4]
    assert seeds(episodes, distinct()) == [0]  # content is what was said, done and seen
    other = an_episode(a_step(tool("submit"), "Handed in, and more."), seed=9)
    assert seeds([*episodes, other], distinct(), best_of_task(1)) == [0, 9]
    kept = apply(episodes, [first_of_task(1)])[0]
    assert next(kept).seed == 0  # a second stream begins anew
    assert seeds(episodes, first_of_task(1)) == [0, 2]


def test_answers_that_got_the_same_correction_are_no_duplicates() -> None:
    answers = ("I would look first.", "What is the task?", "What is the task?")
    steps = [a_step({"malformed": "no action"}, "Write one command.", said=Said(response=text)) for text in answers]
    assert seeds([an_episode(step, seed=seed) for seed, step in enumerate(steps)], distinct()) == [0, 1]
    before = "a08f59eff27afc1cc98d4baa226e76cf74f72cd2efe0cf6a3ecf3719ba54b781"
    assert an_episode().content_sha256 == before, "of episodes without such answers it stays what it was"


def test_copies_of_an_episode_are_counted_as_they_are() -> None:
    assert seeds([worth(0.5, seed=4)] * 3, best_of_task(2)) == [4, 4]


def test_token_limit_counts_all_that_is_said() -> None:
    episode = an_episode(a_step(bash("a b c"), "d e"), statement="f g")
    # f g, bash {"command": "a b c"}, d e
    assert words.count(episode) == 2 + 5 + 2
    assert seeds([episode], at_most(9, words)) == [0]
    assert seeds([episode], at_most(8, words)) == []


def test_an_estimate_says_that_it_is_one() -> None:
    text = Form(text=True)
    episode = an_episode(a_step("x" * 100, "never shown"), statement="y" * 101)
    assert estimate(text).count(episode) == 51  # of 201 characters
    assert estimate().count(episode) > 500  # the tools are part of a conversation with calls
    assert "4 characters a token" in at_most(10, estimate()).name


def test_cutting_keeps_the_statement_and_whole_steps() -> None:
    episode = an_episode(*(a_step("do it", f"seen {number}", reward=0.1) for number in range(10)), statement="a b c")
    # Three words of statement, four a step.
    for limit, steps in ((43, 10), (42, 9), (20, 4), (19, 4), (18, 3), (7, 1)):
        (kept,) = apply([episode], [cut_to(limit, words)])[0]
        assert len(kept.steps) == steps
        assert kept.steps == episode.steps[:steps]
        assert kept.statement == episode.statement
        assert isinstance(kept, CutTrajectory) == (steps < 10)
        assert kept.total_reward == episode.total_reward  # of the episode, whatever is left of it
    kept_all, table = apply([episode], [cut_to(6, words)])
    assert list(kept_all) == []
    assert (table[0].removed, table[0].cut) == (1, 0)


def test_what_is_cut_stays_cut_when_it_is_read_again() -> None:
    long = an_episode(*(a_step("do it", f"seen {number}", reward=0.1) for number in range(10)), seed=1)
    short = an_episode(a_step("do it", reward=0.2), seed=2)
    kept_all, table = apply([short, long], [cut_to(10, words), best_of_task(1), cut_to(6, words)])
    (kept,) = kept_all
    assert (kept.seed, len(kept.steps)) == (1, 1)
    assert kept.total_reward == pytest.approx(1.0)
    assert [(line.came, line.left, line.cut) for line in table] == [(2, 2, 1), (2, 1, None), (1, 1, 1)]


@pytest.mark.parametrize("number", [0, -1])
def test_nonsense_is_refused(number: int) -> None:
    for make in (best_of_task, first_of_task, lambda n: at_most(n, words), lambda n: cut_to(n, words)):
        with pytest.raises(ValueError, match="at least 1"):
            make(number)


def test_the_best_cannot_be_told_of_an_iterator() -> None:
    with pytest.raises(ValueError, match="second look"):
        apply(iter([an_episode()]), [best_of_task(1)])
    assert len(list(apply(iter([an_episode()]), [successful()])[0])) == 1


def test_a_run_that_goes_on_meanwhile_changes_nothing(tmp_path: Path) -> None:
    """Between two readings episodes move from the ledger into shards, and new ones come."""
    with TrajectoryStore(tmp_path) as store:
        for index, reward in enumerate((0.3, 0.8, 0.5)):
            store.put(worth(reward, index=index, started_at=100.0 - index, seed=index))

        class Moving:
            readings = 0

            def __iter__(self) -> Iterator[Trajectory]:
                self.readings += 1
                if self.readings == 2:
                    store.seal()
                    store.put(worth(0.9, index=7, started_at=0.0, seed=7))
                return iter(Stores([tmp_path]))

        assert [trajectory.seed for trajectory in apply(Moving(), [best_of_task(1)])[0]] == [1]
        assert [trajectory.seed for trajectory in apply(Stores([tmp_path]), [best_of_task(1)])[0]] == [7]


def test_memory_does_not_grow_with_what_is_read() -> None:
    """2,000 episodes of 50 KB, 100 MB in all, in order and in groups."""

    class Many:
        def __iter__(self) -> Iterator[Trajectory]:
            for number in range(2000):
                observation = f"{number} {'x' * 50_000}"
                yield an_episode(
                    a_step(bash("ls"), observation, reward=number % 7), index=number, task_id=str(number % 50)
                )

    tracemalloc.start()
    try:
        kept, table = apply(Many(), [distinct(), cut_to(10_000, words), best_of_task(2)])
        assert sum(1 for _ in kept) == 100
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [line.came for line in table] == [2000, 2000, 2000]
    assert peak < 5 << 20
