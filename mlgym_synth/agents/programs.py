"""Which program a task wants, and experiments for it: recipes chosen by the function's arguments and the words around.

For most kinds of optimisation a recipe goes below the program that the baseline wrote and improves its answers.
"""

from __future__ import annotations

import ast
import random
import re
from typing import Any

from mlgym_synth.agents.goal import Goal
from mlgym_synth.agents.plans import Idea, knobs_of, recipe

# Kind -> the function's arguments, and words of a statement that speak for it.
_KINDS = {
    "laws": ("rows", r"\blaw\b|formula|measurements\.csv"),
    "characters": ("context", r"next (?:character|letter)|language model|probabilities|foretell"),
    "trips": ("places", r"difference in x plus|beginning with 0|climb|\barrival|times at which|way back to count"),
    "tour": ("places", r"round trip|tour\b|travelling sales|shortest (?:route|cycle)"),
    "jobs": ("jobs, setups, machines", r"machine|order of the jobs|setup"),
    "flow_shop": ("times", r"machines?\b|makespan|flow[- ]shop"),
    "clauses": ("variables, clauses, weights", r"clauses|literals|satisfied"),
    "channels": ("nodes, edges, channels", r"differ|channel|band|frequenc"),
    "halves": ("nodes, edges", r"as many on one side as on the other|equal (?:halves|sides)"),
    "signed": ("nodes, edges", r"below zero|opposite|wish"),
    "cut": ("nodes, edges", r"\bcut\b|\bsides?\b"),
    "colouring": ("nodes, edges", r"colou?r"),
    "apart": ("weights, edges", r"no edge between two|at least one of its ends"),
    "grid_plan": ("grid", r"slippery|frozen|ice\b|holes?\b"),
    "packing": ("sizes, capacity", r"\bbins?\b|pack"),
    "control": ("observation, step", r"gymnasium\.make|policy|torque"),
    "knapsack": ("values, weights, capacities", r"knapsack|capacit|value"),
    "poker": ("card, actions, past", r"poker|\bbet\b|fold"),
    "rounds": ("history", r"payoffs?\b|partner|defect"),
    "fields": ("history", r"battlefields?|soldiers"),
    "bidding": ("prize, mine, theirs, history", r"\bbids?\b|prizes?\b"),
}
_CLEAR = 3
"""Votes that the right names of all arguments count, and a word for a special case."""
_SPECIAL = ("trips", "halves", "signed")
"""Special cases of what another kind is in general: of `tour`, and of `cut`."""
_BELOW = {"trips": "orders", "jobs": "orders", "clauses": "values", "channels": "values", "halves": "values",
          "signed": "values", "apart": ""}  # fmt: skip
"""Kinds whose recipe goes below the baseline's program, and the search that goes below the recipe."""
_MOVES = {"trips": 9000, "jobs": 2500, "clauses": 3000, "apart": 4000}
"""Moves of a long search, about a tenth of a second; others make 6000."""
SHOWN_OPPONENT = "target.py"
"""Where MLGym's games show the code that is played against."""
_NUMBERS = {"twice": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10}


def program_kind(goal: Goal) -> str | None:
    """The kind of program the statement seems to ask for, None if no recipe fits."""
    votes, text = {}, " ".join(goal.text.split())
    for kind, (arguments, words) in _KINDS.items():
        names = tuple(arguments.split(", "))
        found = len(re.findall(words, text, re.IGNORECASE)) * (_CLEAR if kind in _SPECIAL else 1)
        if len(names) == len(goal.parameters) and found:
            votes[kind] = found + _CLEAR * (names == goal.parameters)
    likeliest = max(votes, key=lambda name: votes[name], default=None)
    return likeliest if likeliest is not None and votes[likeliest] >= 2 else None


def program_ideas(goal: Goal, kind: str, shown: str, rng: random.Random) -> list[Idea]:
    """Experiments for a task that wants a program.

    Args:
        goal: the task.
        kind: one of `program_kind`.
        shown: what printing the opponents of the shown instances gave, for games.
        rng: for the settings.
    """
    if kind == "laws":
        return _laws(goal, rng)
    if kind == "characters":
        script = {"characters.py": recipe("characters", PROGRAM=goal.submission, FUNCTION=goal.function)}
        orders = [(rng.choice([3, 4]), 0), (rng.choice([5, 6]), 0), (rng.choice([7, 8]), 1)]
        return [Idea(f"order-{n}", f"python characters.py {n} {cache}", script) for n, cache in orders]
    if kind == "control":
        return _training(goal, rng)
    if kind in ("rounds", "fields"):
        return _against_shown(goal, kind) if SHOWN_OPPONENT in goal.files else []
    if kind in _BELOW:
        return _searches(goal, kind, rng)
    limit = round(0.6 * goal.call_s, 2)
    variants: list[dict[str, Any]] = {
        "bidding": [{"NOISE": 0.15}, {"NOISE": 0.25, "PRIOR": 0.6}],
        "poker": [{}, {"SHOWN": _literal(shown)}],
        "knapsack": [{"ROUNDS": 1}, {"ROUNDS": rng.choice([60, 80, 100])}],
        "packing": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([300, 400])}],
        "cut": [{"ROUNDS": 1, "MOVES": 200}, {"ROUNDS": rng.choice([3, 4]), "MOVES": 1000}],
        "colouring": [{"MOVES": 0}, {"MOVES": 3000}],
        "grid_plan": [{"POLISH": 0}, {"POLISH": 1}],
        "tour": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([30, 40])}],
        "flow_shop": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([40, 60])}],
    }[kind]
    seed = rng.randrange(1000)
    modules = [_module(goal, kind, SEED=seed, SECONDS=limit, **settings) for settings in variants]
    return [
        Idea(f"{kind}-{n}", *_trial(goal, f"cp try_{kind}.py {goal.submission}", {f"try_{kind}.py": text}),
             knobs=knobs_of(f"try_{kind}.py", text, ("ROUNDS", "MOVES", "NOISE")))
        for n, text in enumerate(modules, 1)
    ]  # fmt: skip


def _trial(goal: Goal, build: str, files: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The command that builds the program and calls it on what is shown, and the files for it."""
    check = f"{build} && python try_program.py {goal.submission} {goal.function} {goal.call_s:g}"
    return check, {"try_program.py": recipe("try_program"), **files}


def _searches(goal: Goal, kind: str, rng: random.Random) -> list[Idea]:
    """Searches that begin with what the baseline's program answers: short and cold, long, warm."""
    call = ", ".join(goal.parameters)
    start, end = f"first = {goal.function}\n", (
        f"\n\ndef {goal.function}({call}):\n    data = prepare({call})\n    return improve(first({call}), data)\n"
    )  # fmt: skip
    name = "links" if kind in ("channels", "halves", "signed") else kind
    problem = recipe(name, **_problem(goal, kind))
    seed, limit, heat = rng.randrange(1000), round(0.6 * goal.call_s, 2), rng.choice([0.3, 0.5, 0.8])
    longest = _MOVES.get(kind, 6000)
    ideas = []
    for style, moves, warmth in (("descent", longest // 3, 0.0), ("annealing", longest, heat)):
        settings = {"MOVES": moves, "HEAT": warmth, "SEED": seed, "SECONDS": limit, **_problem(goal, kind)}
        search = recipe(_BELOW[kind], **settings) if _BELOW[kind] else ""
        text = f"{start}{recipe(name, **settings) if not search else problem}\n\n{search}{end}"
        build = f"cat kept/baseline search.py > {goal.submission}"
        knobs = knobs_of("search.py", text, ("HEAT",) if warmth else ("MOVES",))
        ideas.append(Idea(style, *_trial(goal, build, {"search.py": text}), knobs=knobs))
    return ideas


def _problem(goal: Goal, kind: str) -> dict[str, Any]:
    """Settings of a recipe that the statement tells."""
    text = " ".join(goal.text.split())

    def says(words: str) -> bool:
        return re.search(words, text, re.IGNORECASE) is not None

    if kind == "trips":
        climb = re.search(r"(\w+) times the (?:metres|height|way) (?:it|that it|one) climbs", text)
        begins = says(r"beginning with 0")
        return {
            "CLIMB": float(_NUMBERS.get(climb[1], 0) or re.sub(r"\D", "", climb[1]) or 1) if climb else 0.0,
            "STREETS": says(r"difference in x plus the difference in y"),
            "WAITING": says(r"sum of (?:the times|all arrival)"),
            "CLOSED": says(r"leads? back to the first|round trip"),
            "KEPT": int(begins),
        }
    if kind == "jobs":
        cost = (
            "both" if says(r"half the time by which it ends before") else "late" if says(r"costs is 1 if it ends after")
            else "ends" if says(r"is the time at which it ends") else "tardy"
        )  # fmt: skip
        return {"COST": cost}
    if kind == "clauses":
        rule = "one" if says(r"exactly one") else "mixed" if says(r"one is false|not all true") else "any"
        return {"RULE": rule}
    if kind == "channels":
        apart = re.search(r"differ by at least (\w+)", text)
        return {"APART": _NUMBERS.get(apart[1], 1) if apart else 1}
    if kind == "halves":
        return {"SIGN": -1, "PAIRED": True}
    return {"COVER": not goal.maximize} if kind == "apart" else {}


def _laws(goal: Goal, rng: random.Random) -> list[Idea]:
    """Forms of the law; with a longer list of terms to choose from in one episode, a shorter one in the other."""
    powers = rng.choice([(-1, 0.5, 1, 2), (-2, -1, -0.5, 0.5, 1, 1.5, 2, 3), (-2, -1, 1, 2)])
    settings = {"TERMS": rng.choice([3, 4, 5]), "RIM": rng.choice([0.25, 0.3, 0.4]), "POWERS": powers}
    text = recipe("laws", PROGRAM=goal.submission, FUNCTION=goal.function, **settings)
    forms = rng.sample(["powers", "terms", "ratios", "logs"], 4)
    knobs = knobs_of("laws.py", text, ("TERMS", "RIM"))
    return [Idea(form, f"python laws.py {form}", {"laws.py": text}, knobs=knobs) for form in forms]


def _against_shown(goal: Goal, kind: str) -> list[Idea]:
    """The best of some plans against an opponent whose code is in the workspace."""
    text = " ".join(goal.text.split())
    rounds, fields = re.search(r"(\d+) rounds", text), re.search(r"(\d+) battlefields, and (\d+) soldiers", text)
    settings: dict[str, Any] = {"PROGRAM": goal.submission, "FUNCTION": goal.function}
    settings |= {"ROUNDS": int(rounds[1])} if rounds and kind == "rounds" else {}
    settings |= {"FIELDS": int(fields[1]), "SOLDIERS": int(fields[2])} if fields else {}
    shown = re.findall(r"^\d+ +([01]) +([01]) +(-?\d+) +-?\d+ *$", goal.text, re.MULTILINE)
    payoff = {(int(mine), int(theirs)): int(reward) for mine, theirs, reward in shown}
    if len(payoff) == 4:
        settings["PAYOFF"] = [[payoff[mine, theirs] for theirs in (0, 1)] for mine in (0, 1)]
    return [Idea(kind, f"python {kind}.py", {f"{kind}.py": recipe(kind, **settings)}, work_s=5.0)]


def _training(goal: Goal, rng: random.Random) -> list[Idea]:
    """A policy trained in the environment that the statement says how to make; every round goes on from the last."""
    make = re.search(r"`(env = gymnasium\.make[^`]*)`", goal.text)
    settings = {"PROGRAM": goal.submission, "FUNCTION": goal.function, "SIGNATURE": ", ".join(goal.parameters)}
    settings |= {"MAKE": " ".join(make[1].split())} if make else {}
    script = {"control.py": recipe("control", SEED=rng.randrange(1000), HIDDEN=rng.choice([8, 10, 12]), **settings)}
    rounds = max(2, min(40, int(goal.episode_s / 12)))
    return [Idea(f"round-{n}", f"python control.py {rounds}", script, work_s=rounds * 0.35) for n in (1, 2, 3)]


def _module(goal: Goal, kind: str, **settings: Any) -> str:
    call = ", ".join(goal.parameters)
    return f"{recipe(kind, **settings)}\n\ndef {goal.function}({call}):\n    return solve({call})\n"


def _literal(text: str) -> Any:
    found = re.search(r"^\[.*\]$", text, re.MULTILINE)
    try:
        return ast.literal_eval(found[0]) if found else []
    except (ValueError, SyntaxError):
        return []
