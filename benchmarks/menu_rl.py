"""PPO on the menu (`MenuActions`): trains on small train tasks through `gym.make_vec`, then plays held-out ones.

    python benchmarks/menu_rl.py --out DIR [--seeds 0 1 2] [--iterations 24] [--minutes 150]

In one file and torch only, after CleanRL's `ppo.py`: clipped surrogate, generalised advantages, a rate that falls to
zero, epochs that end once the policy has moved far enough; here with masked logits and gamma = 1, since the return of
an episode is the undiscounted sum. Every step runs real commands in real sandboxes and nothing is cached, so that an
experiment costs seconds and a run has some hundreds of episodes. Each seed trains for `--iterations` rollouts of about
a minute on two cores. `--minutes` is for emergencies: it stops a seed before its rate has come down. Commands have
limits in wall time, so let nothing else run beside it, and run it from a checkout that nobody edits.

Each rollout begins fresh episodes, of tasks and seeds that follow from its number: `DIR` keeps a checkpoint for each,
and all episodes played for evaluation, and the same command goes on from there to what an undisturbed run gives. It may
ask for more seeds; other iterations, budgets, tasks or code would make curves and means of two experiments, and are
refused.

On held-out tasks each seed's policy, greedy and sampled, is compared with four players that learn nothing, all with
the same budget: `random`, which obeys the mask; `random-late`, which hands in only when nothing else is left;
`baseline`, which runs it and hands it in; and `in-order`, the menu's experiments in order, each validated, as far as
the budget goes (14 tool calls do not hold all of them), the best handed in. They play first, and the train tasks too,
beside the learning curve. The curve is of the training episodes that end within a rollout's 32 steps, which long ones
do less often; the lines beside it are of whole episodes. Intervals draw data sets and seeds. Means are reported by
family too, since 9 of the 16 held-out tasks are of tabular-regression. Writes `menu_rl.json` and `menu_rl.png` into
`--results`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from common import RESULTS, machine
from menu_figures import Played, by_family, draw, mean_returns, summary
from menu_folder import Clock, held, whole_lines
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Categorical

import mlgym_synth
from mlgym_synth import registry
from mlgym_synth.errors import GradingError, MlgymSynthError, RolloutStopped, SandboxDied
from mlgym_synth.menu import ACTIONS, OBSERVED, MenuActions

# Small tables, so that an experiment is mostly the start of Python; four or so of each family.
TRAIN = [f"task-{n:04}" for n in (49, 195, 330, 289, 134, 196, 658, 632, 363, 612, 164, 131, 690, 465, 285, 309, 428,
                                  288, 578, 412)]  # fmt: skip
# Held-out ones of these families with at most 1,250 rows: by the sha256 of the id, the first of each of 16 data sets.
HELDOUT = [f"task-{n:04}" for n in (590, 683, 343, 584, 61, 281, 576, 380, 667, 455, 244, 671, 362, 673, 160, 320)]
BUDGET: dict[str, Any] = {"max_steps": 14, "limits": {"tool_s": 30, "episode_s": 90}}
ENVS, STEPS = 4, 32  # transitions of a rollout: their product
RATE, EPOCHS, CLIP, LAMBDA, ENTROPY, VALUE, MAX_NORM = 1e-2, 8, 0.2, 0.95, 0.03, 0.5, 0.5
TARGET_KL = 0.05  # no further epoch once the policy is so far from the one that played
LEAST_REAL = 0.25  # share of a rollout's steps; at most half of them only reset, the rest is infrastructure's
CURVE = f"training episodes that end within a rollout's {STEPS} steps; mean_return is of whole episodes"
RANDOM_EPISODES = 3  # of each task
TRIES = 3  # of an episode that infrastructure cut short
CODE = ("menu", "agents", "grading", "tools", "sandbox", "data", "env.py", "episode.py", "playable.py", "briefing.py")
TRAINING_SHARE = 0.8  # of the minutes

Choose = Callable[[NDArray[np.float32], NDArray[np.int8]], int]
Players = dict[str, tuple[int, Callable[[int], Choose]]]  # episodes of each task, and who plays given a seed


class Agent(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """Two small networks on the observation: logits of the menu, and the value of the state."""

    def __init__(self) -> None:
        super().__init__()

        def net(outputs: int, gain: float) -> nn.Sequential:
            last = nn.Linear(32, outputs)
            nn.init.orthogonal_(last.weight, gain)
            nn.init.zeros_(last.bias)
            return nn.Sequential(nn.Linear(OBSERVED, 32), nn.Tanh(), last)

        self.actor, self.critic = net(len(ACTIONS), 0.01), net(1, 1.0)

    def policy(self, observation: Tensor, mask: Tensor) -> Categorical:
        """Over what is available."""
        return Categorical(logits=self.actor(observation).masked_fill(~mask, -1e9))

    def value(self, observation: Tensor) -> Tensor:
        """Of the rest of the episode."""
        return self.critic(observation).squeeze(-1)


def collect(agent: Agent, seed: int, number: int, sandbox: str) -> tuple[dict[str, Tensor], list[float]]:
    """A rollout: `STEPS` steps in each of `ENVS` environments, and the returns of the episodes that ended in them.

    Raises:
        RolloutStopped: infrastructure spoilt most of it.
        MlgymSynthError: it could not even begin.
    """
    names = ("observation", "mask", "action", "logp", "value", "reward", "over", "real")
    kept: dict[str, list[Any]] = {name: [] for name in names}
    finished, fault_said = list[float](), ""
    returns, starting = np.zeros(ENVS), np.zeros(ENVS, dtype=bool)  # where the next step only resets
    rng = np.random.default_rng([seed, number])
    tasks = rng.permutation(TRAIN).tolist()  # a rollout has not the time for all of them
    with contextlib.closing(gym.make_vec("menu/train", num_envs=ENVS, tasks=tasks, sandbox=sandbox)) as envs:
        seen, infos = envs.reset(seed=int(rng.integers(2**31)))
        for _ in range(STEPS):
            observation, mask = torch.as_tensor(seen), torch.as_tensor(infos["action_mask"]).bool()
            with torch.no_grad():
                policy = agent.policy(observation, mask)
                action, value = policy.sample(), agent.value(observation)
            seen, reward, terminated, truncated, infos = envs.step(action.numpy())
            over = terminated | truncated
            fault = infos.get("_infrastructure_error", np.zeros(ENVS, dtype=bool))
            fault_said = next((infos["infrastructure_error"][i] for i in np.flatnonzero(fault)), fault_said)
            returns += reward
            finished += [float(returns[i]) for i in np.flatnonzero(over & ~fault)]
            returns[over] = 0.0
            step = (observation, mask, action, policy.log_prob(action), value, torch.as_tensor(reward).float(),
                    torch.as_tensor(over), torch.as_tensor(~starting & ~fault))  # fmt: skip
            for name, part in zip(names, step, strict=True):
                kept[name].append(part)
            starting = over
    batch = {name: torch.stack(parts) for name, parts in kept.items()}
    if (real := int(batch["real"].sum())) < LEAST_REAL * ENVS * STEPS:
        raise RolloutStopped(f"only {real} of {ENVS * STEPS} steps were played: {fault_said}")
    with torch.no_grad():
        batch["advantage"] = advantages(batch, agent.value(torch.as_tensor(seen)))
    return batch, finished


def advantages(batch: dict[str, Tensor], last: Tensor) -> Tensor:
    """Generalised advantage estimates, gamma = 1. The end of a budget is an end: what is there has been handed in.

    A step that infrastructure spoilt is none: the one before it is followed by the value of what it led to, and a
    reward that nobody measured is not held against it.
    """
    found, running, after = torch.zeros_like(batch["reward"]), torch.zeros(ENVS), last
    for t in reversed(range(STEPS)):
        goes_on = (~batch["over"][t]).float()
        delta = batch["reward"][t] + goes_on * after - batch["value"][t]
        running = torch.where(batch["real"][t], delta + LAMBDA * goes_on * running, 0.0)
        found[t], after = running, batch["value"][t]
    return found


def update(agent: Agent, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]) -> float:
    """PPO's epochs over a rollout, without the steps that only reset or that infrastructure spoilt.

    Returns:
        How far the policy is from the one that played: the KL divergence, by Schulman's estimate (never below 0).
    """
    flat = {name: part.flatten(0, 1)[batch["real"].flatten()] for name, part in batch.items()}
    target, divergence = flat["advantage"] + flat["value"], 0.0
    for _ in range(EPOCHS):
        for index in torch.randperm(len(target)).split(64):
            policy = agent.policy(flat["observation"][index], flat["mask"][index])
            ratio = (policy.log_prob(flat["action"][index]) - flat["logp"][index]).exp()
            advantage = flat["advantage"][index]
            advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
            gain = torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            miss = (agent.value(flat["observation"][index]) - target[index]).pow(2).mean()
            loss = -gain + VALUE * miss - ENTROPY * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_NORM)
            optimizer.step()
        with torch.no_grad():
            logp = agent.policy(flat["observation"], flat["mask"]).log_prob(flat["action"])
            divergence = float(((logp - flat["logp"]).exp() - 1 - (logp - flat["logp"])).mean())
        if divergence > TARGET_KL:
            break
    return divergence


def train(
    seed: int, out: Path, iterations: int, minutes: float, sandbox: str, clock: Clock
) -> tuple[Agent, list[dict[str, Any]]]:
    """Train one seed, or go on with it; its curve has a point for each rollout. What stops it leaves the last one."""
    torch.manual_seed(seed)
    agent = Agent()
    optimizer = torch.optim.Adam(agent.parameters(), lr=RATE, eps=1e-5)
    curve: list[dict[str, Any]] = []
    saved = sorted(out.glob(f"seed-{seed}-*.pt"))
    if saved:
        state = torch.load(saved[-1], weights_only=True)
        agent.load_state_dict(state["agent"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        curve = state["curve"]
    spent = sum(point["seconds"] for point in curve)
    while len(curve) < iterations and spent < 60 * minutes:
        began = time.monotonic()
        batch, finished = collect(agent, seed, len(curve), sandbox)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - len(curve) / iterations)
        divergence = update(agent, optimizer, batch)
        seconds = time.monotonic() - began
        spent += seconds
        mean = round(float(np.mean(finished)), 4) if finished else None
        curve.append({
            "episodes": len(finished), "return": mean, "kl": round(divergence, 4), "seconds": round(seconds, 1),
        })  # fmt: skip
        print(f"seed {seed} rollout {len(curve)}: {curve[-1]}", flush=True)
        state = {"agent": agent.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
        torch.save(state | {"curve": curve}, out / "new")
        (out / "new").rename(out / f"seed-{seed}-{len(curve):04}.pt")  # there whole or not at all
        clock.keep()
    return agent, curve


def play(task: str, seed: int, choose: Choose, sandbox: str) -> dict[str, Any]:
    """An episode; one that infrastructure cut short is begun anew, and after a few times is its error."""
    for left in reversed(range(TRIES)):
        try:
            return _play(task, seed, choose, sandbox)
        except (SandboxDied, GradingError):
            if not left:
                raise
    raise AssertionError("unreachable")


def _play(task: str, seed: int, choose: Choose, sandbox: str) -> dict[str, Any]:
    env = MenuActions(gym.make(f"synth/{task}", sandbox=sandbox, **BUDGET))
    try:
        observation, info = env.reset(seed=seed)
        total, over, moves = 0.0, False, []
        while not over:
            action = choose(observation, info["action_mask"])
            observation, reward, terminated, truncated, info = env.step(action)
            total, over = total + reward, terminated or truncated
            moves.append(ACTIONS[action])
    finally:
        env.close()
    return {"return": round(total, 4), "exit_status": info["exit_status"], "actions": moves}


def greedy(agent: Agent, seed: int) -> Choose:
    """The likeliest action, whatever the seed."""

    def choose(observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        with torch.no_grad():
            policy = agent.policy(torch.as_tensor(observation), torch.as_tensor(mask).bool())
        return int(policy.probs.argmax())

    return choose


def sampled(agent: Agent, seed: int) -> Choose:
    """An action drawn from the policy, as in training."""
    rng = np.random.default_rng(seed)

    def choose(observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        with torch.no_grad():
            policy = agent.policy(torch.as_tensor(observation), torch.as_tensor(mask).bool())
        shares = policy.probs.double().numpy()
        return int(rng.choice(len(shares), p=shares / shares.sum()))

    return choose


def at_random(seed: int) -> Choose:
    """Anything that is available."""
    rng = np.random.default_rng(seed)
    return lambda observation, mask: int(rng.choice(np.flatnonzero(mask)))


def late(seed: int) -> Choose:
    """Anything that is available; handing in only where nothing else is."""
    rng = np.random.default_rng(seed)

    def choose(observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
        available = np.flatnonzero(mask)
        others = available[available != ACTIONS.index("submit")]
        return int(rng.choice(others if len(others) else available))

    return choose


def always_baseline(observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
    """The baseline, then its submission; whatever can be done where neither can."""
    wanted = [ACTIONS.index(name) for name in ("baseline", "submit")]
    return next(action for action in (*wanted, *map(int, np.flatnonzero(mask))) if mask[action])


def in_order(observation: NDArray[np.float32], mask: NDArray[np.int8]) -> int:
    """Experiments as the menu lists them, as many as the budget holds, each validated; then the best handed in."""
    steps_left = round(float(observation[0]) * BUDGET["max_steps"])
    names = ("validate", "look", *(name for name in ACTIONS if name.startswith("idea-")), "blend", "restore", "submit")
    wanted = [ACTIONS.index(name) for name in (names[-2:] if steps_left <= 2 else names)]
    return next(action for action in (*wanted, *map(int, np.flatnonzero(mask))) if mask[action])


def evaluate(players: Players, tasks: list[str], out: Path, sandbox: str, clock: Clock) -> Played:
    """Episodes by player and task; what `DIR/played.jsonl` has is not played again."""
    file = out / "played.jsonl"
    known = {tuple(line["key"]): line for line in whole_lines(file)}
    jobs = [(name, task, k) for name, (episodes, _) in players.items() for task in tasks for k in range(episodes)]

    def one(job: tuple[str, str, int]) -> tuple[tuple[str, str, int], dict[str, Any]]:
        name, task, k = job
        return job, play(task, 9000 + k, players[name][1](1000 * tasks.index(task) + k), sandbox)

    pool = ThreadPoolExecutor(ENVS)
    try:
        with file.open("a", buffering=1) as log:
            for done in as_completed([pool.submit(one, job) for job in jobs if job not in known]):
                job, episode = done.result()
                known[job] = {"key": list(job), **episode}
                log.write(json.dumps(known[job]) + "\n")
                clock.keep()
                print(*job, episode["return"], *episode["actions"], flush=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure none is played in vain
    return {name: {task: [known[name, task, k] for k in range(episodes)] for task in tasks}
            for name, (episodes, _) in players.items()}  # fmt: skip


def code_sha256() -> str:
    """Of all that decides how a menu is played."""
    package, digest = Path(mlgym_synth.__file__).parent, hashlib.sha256(Path(__file__).read_bytes())
    for name in CODE:
        for file in sorted((package / name).rglob("*.py")) if (package / name).is_dir() else [package / name]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def settings(iterations: int, sandbox: str = "auto") -> dict[str, Any]:
    """What every checkpoint and episode depends on, but its seed: one folder has one of each."""
    tasks = {task: registry.find(task).sha256 for task in (*TRAIN, *HELDOUT)}
    return {
        "iterations": iterations, "budget": BUDGET, "envs": ENVS, "steps": STEPS, "rate": RATE, "epochs": EPOCHS,
        "clip": CLIP, "lambda": LAMBDA, "entropy": ENTROPY, "value": VALUE, "max_norm": MAX_NORM,
        "target_kl": TARGET_KL, "actions": list(ACTIONS), "observed": OBSERVED, "train": TRAIN, "heldout": HELDOUT,
        "sha256": tasks, "code_sha256": code_sha256(), "sandbox": sandbox,
    }  # fmt: skip


def experiment(seeds: list[int], iterations: int, minutes: float, sandbox: str, out: Path, results: Path) -> None:
    """Who learns nothing, all seeds, what they learned, results."""
    clock, share = Clock(out), TRAINING_SHARE * minutes / len(seeds)
    simple: Players = {
        "random": (RANDOM_EPISODES, at_random),
        "random-late": (RANDOM_EPISODES, late),
        "baseline": (1, lambda seed: always_baseline),
        "in-order": (1, lambda seed: in_order),
    }
    on_train = mean_returns(evaluate(simple, TRAIN, out, sandbox, clock))
    evaluate(simple, HELDOUT, out, sandbox, clock)
    trained = {seed: train(seed, out, iterations, share, sandbox, clock) for seed in seeds}
    learned: Players = {}
    for seed, (agent, curve) in trained.items():
        learned[f"ppo-{seed}-after-{len(curve)}"] = (1, partial(greedy, agent))
        learned[f"sampled-{seed}-after-{len(curve)}"] = (1, partial(sampled, agent))
    played = evaluate({**simple, **learned}, HELDOUT, out, sandbox, clock)
    entries = [registry.find(task) for task in HELDOUT]
    heldout = summary(played, [entry.dataset for entry in entries])
    heldout["by_family"] = by_family(played, [entry.family for entry in entries])
    beside = {name: round(float(values.mean()), 4) for name, values in on_train.items()}
    curves = {seed: curve for seed, (_, curve) in trained.items()}
    results.mkdir(parents=True, exist_ok=True)
    draw(curves, beside, ENVS * STEPS, results / "menu_rl.png")
    text = json.dumps({
        "heldout": heldout, "train": {"mean_return": beside, "curve": CURVE}, "curves": curves,
        "settings": settings(iterations, sandbox), "minutes": round(clock.keep(), 1), "machine": machine(),
    }, indent=2)  # fmt: skip
    (results / "menu_rl.json").write_text(text + "\n")
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--iterations", type=int, default=24, help="rollouts of each seed (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="a limit for all (default: none)")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--results", type=Path, default=RESULTS, help="for the figures (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    gym.register("menu/train", vector_entry_point="mlgym_synth.menu:MenuVectorEnv", kwargs=BUDGET)
    try:
        with held(arguments.out, settings(arguments.iterations, arguments.sandbox)):
            experiment(
                arguments.seeds, arguments.iterations, arguments.minutes, arguments.sandbox, arguments.out,
                arguments.results,
            )  # fmt: skip
    except MlgymSynthError as error:
        raise SystemExit(f"Stopped: {error}\nAll before is kept; the same command goes on from there.") from error


if __name__ == "__main__":
    main()
