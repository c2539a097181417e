"""What the players of `menu_rl.py` come to: means, gains with intervals, the learning curve."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.grading.bootstrap import interval, resampled

Played = dict[str, dict[str, list[dict[str, Any]]]]
"""Player -> task -> its episodes."""
LEARNED = ("ppo", "sampled")
"""What names of policies that were trained begin with; a seed follows."""


def mean_returns(played: Played) -> dict[str, NDArray[np.float64]]:
    """Of each player on each task, in the order of the tasks."""
    return {name: np.array([np.mean([episode["return"] for episode in episodes]) for episodes in tasks.values()])
            for name, tasks in played.items()}  # fmt: skip


def overall(means: dict[str, NDArray[np.float64]], chosen: Any = slice(None)) -> dict[str, float]:
    """The mean of each player over some of the tasks, and in front that of all seeds of PPO, greedy and sampled."""
    together = {name: seeds.mean(axis=0) for name in LEARNED if len(seeds := of_seeds(means, name))}
    return {name: round(float(values[chosen].mean()), 4) for name, values in {**together, **means}.items()}


def of_seeds(means: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    """Shape [seeds, tasks]: what the policies of all seeds get."""
    return np.array([values for player, values in means.items() if player.startswith(f"{name}-")])


def moves(played: Played) -> dict[str, dict[str, float]]:
    """How often each player does what, per episode: experiments, validations, going back to the best."""
    kinds = {"experiments": ("idea-", "tune", "blend"), "validate": ("validate",), "restore": ("restore",)}
    return {
        name: {
            kind: round(float(np.mean([sum(action.startswith(names) for action in episode["actions"])
                                       for episodes in tasks.values() for episode in episodes])), 2)
            for kind, names in kinds.items()
        }
        for name, tasks in played.items()
    }  # fmt: skip


def by_family(played: Played, families: list[str]) -> dict[str, Any]:
    """The same of the tasks of each family alone."""
    means = mean_returns(played)
    rows = {family: np.flatnonzero([other == family for other in families]) for family in sorted(set(families))}
    return {family: {"tasks": len(chosen), "mean_return": overall(means, chosen)} for family, chosen in rows.items()}


def summary(played: Played, datasets: list[str]) -> dict[str, Any]:
    """Mean returns, and the greedy policies' gain over who learns nothing.

    Intervals are of 95% and 10,000 bootstraps, each of which draws the tasks' data sets and the trained seeds.
    """
    means, groups = mean_returns(played), np.unique(datasets, return_inverse=True)[1]
    ppo = of_seeds(means, "ppo")
    others = [name for name in means if not name.startswith(tuple(f"{learned}-" for learned in LEARNED))]

    def gain(other: NDArray[np.float64]) -> dict[str, Any]:
        rng = np.random.default_rng(0)

        def of_draw(rows: NDArray[np.intp], _: Any) -> NDArray[np.float64]:
            seeds = rng.integers(len(ppo), size=len(ppo))
            return np.array([(ppo[seeds].mean(axis=0) - other)[rows].mean()])

        low, high = interval(resampled(of_draw, len(other), groups, 10_000, seed=0), 0.95)
        by_seed = [round(float((values - other).mean()), 4) for values in ppo]
        mean = round(float((ppo.mean(axis=0) - other).mean()), 4)
        return {"mean": mean, "ci95": [round(low, 4), round(high, 4)], "by_seed": by_seed}

    return {
        "mean_return": overall(means),
        **{f"gain_over_{name.replace('-', '_')}": gain(means[name]) for name in others},
        "moves": moves(played),
        "datasets": len(set(datasets)),
        "episodes": sum(len(episodes) for tasks in played.values() for episodes in tasks.values()),
        "by_task": {task: {"dataset": datasets[i]} | {name: round(float(means[name][i]), 4) for name in means}
                    for i, task in enumerate(played["random"])},
    }  # fmt: skip


def draw(curves: dict[int, list[dict[str, Any]]], beside: dict[str, float], steps: int, file: Path) -> None:
    """Return of the training episodes by rollout, every seed and their mean, beside others' on the same tasks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    values = {seed: [np.nan if p["return"] is None else p["return"] for p in curve] for seed, curve in curves.items()}
    for seed, returns in values.items():
        axes.plot(range(1, len(returns) + 1), returns, alpha=0.4, label=f"seed {seed}")
    shared = min(map(len, values.values()))  # rollouts that all seeds have
    mean = np.mean([returns[:shared] for returns in values.values()], axis=0)
    axes.plot(range(1, shared + 1), mean, color="black", linewidth=2, label="mean")
    for (name, value), style in zip(beside.items(), itertools.cycle((":", "--", "-.", (0, (1, 5))))):
        axes.axhline(value, color="grey", linestyle=style, label=name)
    axes.set(xlabel=f"rollout of {steps} menu steps", ylabel="return on train tasks (0.5 baseline)")
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=150, bbox_inches="tight")
