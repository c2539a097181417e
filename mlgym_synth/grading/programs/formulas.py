"""Symbolic regression: points of a formula that nobody tells, to be predicted inside and outside of what was measured.

`formula`: parameters hold an expression in the names of inputs and constants, their values, and ranges. A batch of
points is an instance; the score is 1 / (1 + squared error / spread around the batch's mean): 1 for perfect, 0.5 for
the mean.
"""

from __future__ import annotations

import ast
import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee
from mlgym_synth.task import Source

FUNCTIONS = ("exp", "log", "log10", "sqrt", "sin", "cos", "tan", "arctan", "tanh", "sinh", "cosh", "abs", "maximum")
_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.Constant,
    ast.Name, ast.Load, ast.Call,
)  # fmt: skip


def evaluate(expression: str, values: dict[str, Any]) -> NDArray[np.float64]:
    """The expression, with numpy's functions and nothing else.

    Raises:
        ValueError: it holds anything but arithmetic, names that are given, and `FUNCTIONS`.
    """
    tree = ast.parse(expression, mode="eval")
    known = {name: getattr(np, name) for name in FUNCTIONS} | {"pi": math.pi} | values
    for node in ast.walk(tree):
        plain = isinstance(node, _NODES) and (not isinstance(node, ast.Name) or node.id in known)
        if not plain or (isinstance(node, ast.Call) and getattr(node.func, "id", "") not in FUNCTIONS):
            raise ValueError(f"formula: {ast.unparse(node)!r} is not arithmetic")
    return np.asarray(eval(compile(tree, "formula", "eval"), {"__builtins__": {}}, known), dtype=np.float64)


def _drawn(parameters: dict[str, Any], rng: np.random.Generator, rows: int, part: str) -> NDArray[np.float64]:
    """Inputs, shape [rows, inputs], from the ranges `shown` or `hidden`; evenly on a log scale where `log` is set."""
    columns = []
    for given in parameters["inputs"].values():
        low, high = given[part]
        if given.get("log"):
            columns.append(np.exp(rng.uniform(math.log(low), math.log(high), rows)))
        else:
            columns.append(rng.uniform(low, high, rows))
    return np.array([[float(f"{value:.4g}") for value in row] for row in np.column_stack(columns)])


def _truth(parameters: dict[str, Any], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    names = dict(zip(parameters["inputs"], inputs.T, strict=True))
    return evaluate(parameters["expression"], {**parameters["constants"], **names})


def _make(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Batches `[inputs, true values]`: one half of the points from the shown ranges, the other from the hidden ones."""
    half, made = int(parameters["batch"]) // 2, []
    for _ in range(count):
        inputs = np.vstack([_drawn(parameters, rng, half, part) for part in ("shown", "hidden")])
        made.append([inputs.tolist(), _truth(parameters, inputs).tolist()])
    return made


def _files(parameters: dict[str, Any], source: Source | None) -> dict[str, bytes]:
    """`measurements.csv`: noisy values in the shown ranges; noise is a share of the value and of the mean size."""
    rng = np.random.Generator(np.random.PCG64([int(parameters["seed"]), 7]))
    inputs = _drawn(parameters, rng, int(parameters["rows"]), "shown")
    truth = _truth(parameters, inputs)
    noise = float(parameters["noise"])
    read = truth + rng.normal(0, 1, len(truth)) * noise * (0.8 * np.abs(truth) + 0.2 * np.abs(truth).mean())
    lines = [",".join([*parameters["inputs"], parameters["target"]])]
    lines += [",".join(f"{value:.5g}" for value in (*row, y)) for row, y in zip(inputs.tolist(), read, strict=True)]
    return {"measurements.csv": ("\n".join(lines) + "\n").encode()}


def _play(instance: Any) -> Play:
    inputs, truth = instance
    answer = yield [inputs]
    if not isinstance(answer, list) or len(answer) != len(truth):
        raise IllegalAnswer("the answer must be a list of one number for every row")
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in answer):
        raise IllegalAnswer("the answer must be a list of numbers")
    limit = math.sqrt(sys.float_info.max) / (2 * len(truth))  # what is beyond counts as there
    given = np.array([float(min(max(value, -limit), limit)) for value in answer])
    true = np.array(truth)
    error = ((given - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
    return float(1 / (1 + error))


FORMULAS = {
    "formula": Referee(
        make=_make,
        play=_play,
        trivial="def predict(rows):\n    return [0.0 for _ in rows]\n",
        random="import random\n\n\ndef predict(rows):\n    return [random.gauss(0.0, 1.0) for _ in rows]\n",
        bound=1.0,
        files=_files,
    )
}
