"""From models to scripts that run in a workspace: `train.csv`, `test.csv` in, `submission.csv` out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlgym_synth.synthesis.templates.tabular.models import Model, imports_of, pipeline
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import Metric

MOST_NAMED = 25
_QUOTES = re.compile(r"'([^'\"\n]*)'")


@dataclass(frozen=True, slots=True)
class Layout:
    """What scripts must know of a task's files.

    Attributes:
        target: the train column, and the submission's, unless `classes` has a column each.
        numbers, kinds: feature columns; `best` and `best_kind` the ones that tell most alone.
        metric: decides how predictions are formed.
        low, high: range of the target, for ratings.
        prelude: lines after reading, that make columns of others; `made` are the columns they make.
    """

    target: str
    numbers: tuple[str, ...]
    kinds: tuple[str, ...]
    best: str | None
    best_kind: str | None
    metric: Metric
    low: float = 0.0
    high: float = 0.0
    prelude: str = ""
    made: tuple[str, ...] = ()


def script(model: Model, layout: Layout, role: str) -> Script | None:
    """A complete script, or None where the task has no column for this model."""
    head = heading(model, layout)
    if head is None:
        return None
    lines, numbers, kinds = head
    expression = pipeline(model, numbers, kinds)
    if layout.metric.name in ("rmsle", "mape"):
        expression = f"TransformedTargetRegressor({expression}, func=np.log1p, inverse_func=np.expm1)"
    body = [*lines, f"model = {expression}", f"model.fit(train, train[{layout.target!r}])", *_answer(layout)]
    return Script(model.said, assembled(f"{role}: {model.said}.", "\n".join(body)))


def heading(model: Model, layout: Layout) -> tuple[list[str], tuple[str, ...], tuple[str, ...]] | None:
    """How a script begins (files read, columns listed, gaps in categories named), and the columns its model sees."""
    numbers, kinds = layout.numbers + layout.made, layout.kinds
    if model.columns == "one":
        numbers, kinds = (layout.best,) if layout.best else (), ()
    elif model.columns == "kind":
        numbers, kinds = (), (layout.best_kind,) if layout.best_kind else ()
    elif model.columns == "numbers":
        kinds = ()
    if not numbers and not kinds:
        return None
    lines = [
        'train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")',
        *([layout.prelude.rstrip()] if layout.prelude else []),
        *(listed("numbers", numbers) if numbers else ()),
        *(listed("kinds", kinds) if kinds else ()),
    ]
    if kinds:
        lines += [
            "for frame in (train, test):",
            '    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)',
        ]
    return lines, numbers, kinds


def scripts(models: Sequence[Model], layout: Layout, role: str) -> list[Script]:
    """All that this task has columns for."""
    return [made for model in models if (made := script(model, layout, role)) is not None]


def assembled(doc: str, body: str) -> str:
    """A script's text: doc string, the imports that the body needs, the body."""
    first = ["import numpy as np"] if "np." in body else []
    imports = [*first, "import pandas as pd", *imports_of(body)]
    body = _QUOTES.sub(r'"\1"', body)
    doc = "\n".join(textwrap.wrap(doc[0].upper() + doc[1:], 110))
    return f'"""{doc}"""\n\n' + "\n".join(imports) + "\n\n" + body + "\n"


def with_prelude(layout: Layout, prelude: str, made: tuple[str, ...]) -> Layout:
    """The layout with columns made by `prelude`."""
    return replace(layout, prelude=prelude, made=made)


def listed(name: str, columns: tuple[str, ...]) -> list[str]:
    """A list of column names as code, on as many lines as it takes."""
    if len(columns) > MOST_NAMED and name == "numbers":
        shown = ", ".join(map(repr, columns))
        return [f"{name} = [\n" + textwrap.fill(shown, 110, initial_indent="    ", subsequent_indent="    ") + ",\n]"]
    text = f"{name} = [" + ", ".join(map(repr, columns)) + "]"
    if len(text) <= 115:
        return [text]
    inner = textwrap.fill(", ".join(map(repr, columns)), 110, initial_indent="    ", subsequent_indent="    ")
    return [f"{name} = [\n{inner},\n]"]


def _answer(layout: Layout) -> list[str]:
    target, metric = layout.target, layout.metric
    out = f"test[{target!r}]"
    columns = f'["id", {target!r}]'
    lines: list[str]
    if metric.classes is not None and len(metric.classes) > 2:
        names = [f"p_{name}" for name in metric.classes]
        lines = [
            f"names = {names!r}",
            "shares = pd.DataFrame(model.predict_proba(test), columns=[f'p_{name}' for name in model.classes_])",
            "shares = shares.reindex(columns=names, fill_value=0.0)",
            "test = pd.concat([test[['id']], shares], axis=1)",
        ]
        columns = '["id", *names]'
    elif metric.name in ("roc_auc", "log_loss", "brier"):
        lines = [f"{out} = model.predict_proba(test)[:, 1]"]
    elif metric.name == "quadratic_kappa":
        lines = [f"{out} = np.rint(model.predict(test)).clip({layout.low:g}, {layout.high:g}).astype(int)"]
    elif metric.name in ("rmsle", "mape"):
        lines = [f"{out} = model.predict(test).clip(0)"]
    else:
        lines = [f"{out} = model.predict(test)"]
    return [*lines, f'test[{columns}].to_csv("submission.csv", index=False)']
