"""Learn a controller in the practice environment: the cross-entropy method on the weights of a small network.

`python control.py GENERATIONS` goes on from `weights.json` if there is one, and writes the best network as a module.
"""

import json
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np

PROGRAM = "policy.py"
FUNCTION = "act"
MAKE = 'env = gymnasium.make("Pendulum-v1")'
SIGNATURE = "observation, step"
SEED = 0
HIDDEN = 10
CROWD = 32
STEPS = 200
SECONDS = 40

MODEL = '''"""A small network: {hidden} tanh units, weights found by the cross-entropy method."""

import math

W = {weights}
LOW, HIGH, DISCRETE = {low}, {high}, {discrete}


def {function}({signature}):
    x = [*observation, 1.0]
    units = [math.tanh(sum(w * v for w, v in zip(row, x))) for row in W[0]] + [1.0]
    said = [sum(w * u for w, u in zip(row, units)) for row in W[1]]
    if DISCRETE:
        return said.index(max(said))
    torques = [(h + l) / 2 + (h - l) / 2 * math.tanh(s) for s, l, h in zip(said, LOW, HIGH)]
    return torques[0] if len(torques) == 1 else torques
'''

space = {"gymnasium": gymnasium}
exec(MAKE, space)
env = space["env"]
discrete = hasattr(env.action_space, "n")
inputs = int(np.prod(env.observation_space.shape))
outputs = int(env.action_space.n) if discrete else int(np.prod(env.action_space.shape))
low, high = ([], []) if discrete else (env.action_space.low.tolist(), env.action_space.high.tolist())


def layers(flat):
    cut = HIDDEN * (inputs + 1)
    return flat[:cut].reshape(HIDDEN, -1), flat[cut:].reshape(outputs, HIDDEN + 1)


def episode(flat, seed):
    """The return of one practice episode."""
    first, second = layers(flat)
    seen, _ = env.reset(seed=seed)
    middle, half = (0, 0) if discrete else ((np.array(high) + low) / 2, (np.array(high) - low) / 2)
    total, x, units = 0.0, np.ones(inputs + 1), np.ones(HIDDEN + 1)
    for _ in range(STEPS):
        x[:-1] = seen
        units[:-1] = np.tanh(first @ x)
        said = second @ units
        seen, reward, over, cut, _ = env.step(int(said.argmax()) if discrete else middle + half * np.tanh(said))
        total += float(reward)
        if over or cut:
            break
    return total


def main(generations):
    begun = time.monotonic()
    mean, spread, done = np.zeros(HIDDEN * (inputs + 1) + outputs * (HIDDEN + 1)), 1.0, 0
    if Path("weights.json").exists():
        kept = json.loads(Path("weights.json").read_text())
        mean, spread, done = np.array(kept["mean"]), np.array(kept["spread"]), kept["done"]
    spread, rng = spread * np.ones(len(mean)), np.random.default_rng([SEED, done])
    for generation in range(done, done + generations):
        crowd = mean + spread * rng.normal(size=(CROWD, len(mean)))
        seeds = rng.integers(2**31, size=2)
        scores = np.array([np.mean([episode(one, int(seed)) for seed in seeds]) for one in crowd])
        best = crowd[np.argsort(-scores)[: CROWD // 5]]
        mean, spread = best.mean(0), best.std(0) + 0.25 * 0.95**generation
        if generation % 5 == 4:
            print(f"generation {generation + 1}: mean {scores.mean():.1f}, best {scores.max():.1f}")
        if time.monotonic() - begun > SECONDS:
            break
    final = np.mean([episode(mean, seed) for seed in range(8)])
    print(f"CV return of the mean network: {final:.5f}")
    Path("weights.json").write_text(
        json.dumps({"mean": mean.tolist(), "spread": spread.tolist(), "done": done + generations})
    )
    weights = [layer.round(4).tolist() for layer in layers(mean)]
    Path(PROGRAM).write_text(
        MODEL.format(
            weights=weights,
            low=low,
            high=high,
            discrete=discrete,
            hidden=HIDDEN,
            function=FUNCTION,
            signature=SIGNATURE,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
