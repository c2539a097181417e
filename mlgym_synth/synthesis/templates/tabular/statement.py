"""The statement of a task on a table: what a person would tell a colleague before handing over the files."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mlgym_synth.task import Column, Metric

WIDTH = 120
METRIC_WORDS = {
    "accuracy": "the share of rows with the right class",
    "balanced_accuracy": "the mean of the classes' recalls, so that rare classes count as much as common ones",
    "macro_f1": "the mean of the classes' F1 scores, so that rare classes count as much as common ones",
    "roc_auc": "the chance that a random positive row gets a higher value than a random negative one",
    "log_loss": "the mean negative logarithm of the probability given to what was true; sure and wrong costs most",
    "brier": "the mean squared distance between probability and outcome",
    "r2": "the share of the variance that is explained",
    "rmse": "the root of the mean squared error, so that large misses weigh most",
    "mae": "the mean absolute error",
    "rmsle": "the root of the mean squared difference of log(1 + value), so that misses count by their ratio",
    "mape": "the mean of the absolute error over the true value",
    "spearman": "the rank correlation of prediction and truth: only the order counts",
    "quadratic_kappa": "Cohen's kappa with quadratic weights: agreement beyond chance, far misses cost most",
    "pinball": "the mean pinball loss over the quantiles: each is off balance by exactly its share",
    "ndcg": "the normalised discounted cumulative gain within each group: the order at the top counts most",
    "custom": "this task's own, as described above",
    "adjusted_rand": "the adjusted Rand index: agreement of two groupings beyond chance, whatever groups are called",
}


def metric_sentence(metric: Metric, detail: str = "") -> str:
    """Names the metric, says what it rewards, and which way."""
    cut = f" (first {metric.k} rows)" if metric.k else ""
    return f"The metric is `{metric.name}`{cut}, {METRIC_WORDS[metric.name]}{detail}; {metric.direction} it."


def statement(title: str, paragraphs: Sequence[str], columns: Sequence[Column]) -> str:
    """The text: paragraphs wrapped, the columns as a list before the last paragraph."""
    said = [wrapped(text) for text in paragraphs if text]
    listed = "\n".join(
        textwrap.fill(
            f"- `{column.name}`: {column.meaning}" + (f" ({column.unit})" if column.unit else ""),
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for column in columns
    )
    return f"# {title}\n" + "\n\n".join([*said[:-1], "Columns:\n" + listed, said[-1]]) + "\n"


def wrapped(text: str) -> str:
    """One paragraph at the width of the statements."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
