"""What the rollout engine costs beyond the environment's own steps, with an agent that answers at once.

    python benchmarks/rollout_overhead.py [--slots 16] [--steps 50] [--episodes 48]

Writes `results/rollout_overhead.json`. Both sides in one session, on one task under bubblewrap: `engine` is
`mlgym_synth.rollouts` with its store on disk; `env` is the same actions stepped by hand in as many threads, with no
agent, no trajectory and no store. `one_at_a_time` compares the loop that plays one episode with a bare `env.step`.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import write

from mlgym_synth import registry
from mlgym_synth.agents import ScriptedAgent
from mlgym_synth.agents.scripted import IDLE, Script
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.driver import rollout
from mlgym_synth.rollouts.episode import play
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.trajectories import Step
from mlgym_synth.trajectories.store import TrajectoryStore

TASK, ROUNDS = "task-0018", 5


def answers_at_once() -> ScriptedAgent:
    """Runs `true` for ever."""

    def script(statement: str, seed: int) -> Script:
        while True:
            yield IDLE

    return ScriptedAgent("at-once", script)


def by_hand(slots: int, episodes: int, steps: int) -> float:
    """Steps a second without the engine."""

    def episode(seed: int) -> None:
        env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=steps)
        env.reset(seed=seed)
        for _ in range(steps):
            env.step(IDLE)
        env.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(slots) as pool:
        list(pool.map(episode, range(episodes)))
    return episodes * steps / (time.perf_counter() - began)


def by_engine(slots: int, episodes: int, steps: int) -> float:
    """Steps a second with it, trajectories stored."""
    settings = PlaySettings("rollout_overhead:answers_at_once", sandbox="bwrap", max_steps=steps)
    plan = Plan((registry.find(TASK),), episodes, 0, settings)
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        with TrajectoryStore(Path(scratch), plan.settings()) as store:
            tally = rollout(plan, store, LocalEngine(slots))
        seconds = time.perf_counter() - began
    assert tally.done == episodes, tally
    return tally.steps / seconds


def note(times: list[float], step: Step) -> None:
    times.append(time.perf_counter())


def one_at_a_time(steps: int) -> dict[str, float]:
    """Milliseconds of a step in `play` and by hand, medians over rounds of one sandbox each."""
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=steps)
    loop, bare = [], []
    for seed in range(ROUNDS):
        times: list[float] = []
        play(env, answers_at_once(), seed, functools.partial(note, times))
        loop += [1000 * (b - a) for a, b in itertools.pairwise(times)]
        env.reset(seed=seed)
        for _ in range(steps):
            began = time.perf_counter()
            env.step(IDLE)
            bare.append(1000 * (time.perf_counter() - began))
    env.close()
    in_loop, by_itself = statistics.median(loop), statistics.median(bare)
    return {"loop_ms": round(in_loop, 4), "env_ms": round(by_itself, 4), "added_ms": round(in_loop - by_itself, 4)}


def main() -> None:
    """Measure both sides in turn, write the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--episodes", type=int, default=48)
    arguments = parser.parse_args()
    sizes = (arguments.slots, arguments.episodes, arguments.steps)
    by_hand(*sizes)  # once to warm up
    pairs = [(by_hand(*sizes), by_engine(*sizes)) for _ in range(ROUNDS)]
    env, engine = (statistics.median(side) for side in zip(*pairs, strict=True))
    result: dict[str, Any] = {
        "environments": arguments.slots,
        "episodes": arguments.episodes,
        "steps_per_episode": arguments.steps,
        "engine_steps_per_s": round(engine, 1),
        "env_steps_per_s": round(env, 1),
        "added_ms_per_step": round(1000 / engine - 1000 / env, 4),
        "one_at_a_time": one_at_a_time(500),
    }
    write("rollout_overhead", result)


if __name__ == "__main__":
    main()
