"""The judge of predictions: holds one episode's ids and the sealed labels, scores files. The env and gates use it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.prepared import Sealed
from mlgym_synth.errors import GradingError
from mlgym_synth.grading.bootstrap import Groups, Rows, interval, resampled
from mlgym_synth.grading.evaluator import Evaluator, kind_of
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.metrics import METRICS, Scorer
from mlgym_synth.grading.parsing import parse_predictions
from mlgym_synth.task import Half, PredictionsSubmission, SubmissionColumn, TaskSpec


class PredictionJudge:
    """Scores the predictions of one episode.

    Args:
        spec: a task with a `predictions` submission.
        sealed: its sealed half.
        ids: shape [n], the id that `test.csv` shows for row i of the sealed arrays.
        evaluator: the task's own, where its metric is `custom`.

    Raises:
        GradingError: the sealed half does not fit the task.
    """

    def __init__(
        self, spec: TaskSpec, sealed: Sealed, ids: NDArray[np.int64], evaluator: Evaluator | None = None
    ) -> None:
        if not isinstance(spec.submission, PredictionsSubmission) or sealed.truth is None or sealed.is_test is None:
            raise GradingError(f"{spec.id}: no predictions task with sealed labels")
        if not len(sealed.truth) == len(sealed.is_test) == len(ids):
            raise GradingError(f"{spec.id}: {len(sealed.truth)} labels for {len(ids)} ids")
        self.spec = spec
        self.submission = bounded(spec.submission, spec.metric.name)
        self.ids = ids
        self._sealed = sealed
        self._evaluator = evaluator
        self._truth = standardised(truth_codes(spec, sealed.truth), sealed)
        self._rows = {"validation": np.flatnonzero(~sealed.is_test), "test": np.flatnonzero(sealed.is_test)}

    def grade(self, content: bytes) -> Grade:
        """Score a submission file on both halves.

        Raises:
            SubmissionInvalid: the file breaks its format; the message is for the agent.
            GradingError: no score is defined.
        """
        prediction = self._parse(content)
        with self._scorer() as scorer:
            validation, test = (self._score(scorer, prediction, self._rows[half]) for half in ("validation", "test"))
        return Grade(validation, test)

    def standard_error(self, content: bytes, half: Half, n: int = 200, seed: int = 0) -> float:
        """Bootstrap standard error of the score on one half, over rows, or over groups where rows have them."""
        values = self._resampled([self._parse(content)], half, n, seed)[:, 0]
        return float(values.std(ddof=1))

    def compare(
        self, content_a: bytes, content_b: bytes, half: Half, n: int = 1000, seed: int = 0, level: float = 0.95
    ) -> tuple[float, float]:
        """Paired bootstrap interval of how much better `content_a` is than `content_b`.

        Returns:
            Low and high end; positive where a is better, whichever the metric's direction.
        """
        scores = self._resampled([self._parse(content_a), self._parse(content_b)], half, n, seed)
        sign = 1.0 if self.spec.metric.direction == "maximize" else -1.0
        return interval(sign * (scores[:, 0] - scores[:, 1]), level)

    def _parse(self, content: bytes) -> NDArray[Any]:
        probabilities = kind_of(self.spec) == "probability" or self.spec.metric.classes is not None
        parsed = parse_predictions(content, self.submission, self.ids, probabilities=probabilities)
        if parsed.dtype == object:
            parsed = label_codes(self.spec, parsed)
        return standardised(parsed, self._sealed)

    def _scorer(self) -> AbstractContextManager[Scorer]:
        return nullcontext(METRICS[self.spec.metric.name]) if self._evaluator is None else self._evaluator.scorer()

    def _score(self, scorer: Scorer, prediction: NDArray[Any], rows: Rows, groups: Groups | None = None) -> float:
        if groups is None and self._sealed.groups is not None:
            groups = self._sealed.groups[rows] if self.spec.metric.name == "ndcg" else None
        return scorer(self._truth[rows], prediction[rows], self.spec.metric, groups)

    def _resampled(self, predictions: list[NDArray[Any]], half: Half, n: int, seed: int) -> NDArray[np.float64]:
        rows = self._rows[half]
        groups = None if self._sealed.groups is None else self._sealed.groups[rows]

        with self._scorer() as scorer:

            def scores(drawn: Rows, drawn_groups: Groups | None) -> NDArray[np.float64]:
                found = [self._score(scorer, prediction, rows[drawn], drawn_groups) for prediction in predictions]
                return np.array(found)

            return resampled(scores, len(rows), groups, n, seed)


def bounded(submission: PredictionsSubmission, metric: str) -> PredictionsSubmission:
    """The submission with the bounds that its metric needs: [0, 1] for probabilities, from 0 for rmsle."""
    low, high = {"log_loss": (0.0, 1.0), "brier": (0.0, 1.0), "rmsle": (0.0, None)}.get(metric, (None, None))
    if low is None:
        return submission

    def within(column: SubmissionColumn) -> SubmissionColumn:
        return column.model_copy(
            update={
                "low": low if column.low is None else max(low, column.low),
                "high": high if column.high is None else column.high if high is None else min(high, column.high),
            }
        )

    return submission.model_copy(update={"columns": tuple(within(column) for column in submission.columns)})


def truth_codes(spec: TaskSpec, truth: NDArray[Any]) -> NDArray[Any]:
    """The truth as numbers that predictions are compared with.

    With several columns of class probabilities: the position in `metric.classes`. Text labels: `label_codes`.

    Raises:
        GradingError: a label that the task does not declare, or text where the metric needs a number.
    """
    assert isinstance(spec.submission, PredictionsSubmission)
    columns = spec.submission.columns
    if spec.metric.classes is not None and len(columns) > 1:
        return _positions(truth, spec.metric.classes)
    if truth.dtype.kind != "U":
        return truth
    if kind_of(spec) != "label":
        raise GradingError(f"{spec.metric.name} needs a numeric target; name the positive class in data.positive")
    return label_codes(spec, truth)


def label_codes(spec: TaskSpec, labels: NDArray[Any]) -> NDArray[Any]:
    """Text labels as positions in the declared values; names of clusters mean nothing and are numbered.

    Raises:
        GradingError: a label that the task does not declare.
    """
    assert isinstance(spec.submission, PredictionsSubmission)
    values = spec.submission.columns[0].values
    if spec.metric.name == "adjusted_rand":
        return np.unique(labels.astype(np.str_), return_inverse=True)[1].astype(np.int64)
    if values is None:
        raise GradingError(f"{spec.metric.name} on text labels needs submission.columns.0.values")
    return _positions(labels, values)


def standardised(values: NDArray[Any], sealed: Sealed) -> NDArray[Any]:
    """Cells: in standard deviations of the public part of their column. Everything else: as it is."""
    if sealed.center is None or sealed.scale is None:
        return values
    scaled: NDArray[Any] = (values - sealed.center) / sealed.scale
    return scaled


def _positions(labels: NDArray[Any], values: tuple[str | int, ...]) -> NDArray[np.int64]:
    numeric = labels.dtype.kind not in "UO"
    known = {(float(value) if numeric else str(value)): i for i, value in enumerate(values)}
    try:
        return np.array([known[label] for label in labels.tolist()], dtype=np.int64)
    except KeyError as error:
        raise GradingError(f"the label {error.args[0]!r} is none of the declared {values}") from None
