"""Scores `submission.csv` on the test rows of `data/answer.csv` and prints one line of JSON. Written by mlgym-synth.

`grader/` is the grading code of mlgym-synth, so scores are the same; needs numpy only.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from grader.errors import SubmissionInvalid
from grader.grading.metrics import METRICS
from grader.grading.parsing import parse_predictions

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Print the score; exit code 1, with the reason on stderr, where the file breaks its format."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--submission_file", default=str(HERE / "submission.csv"))
    file = Path(parser.parse_args().submission_file)
    settings = json.loads((HERE / "grader/settings.json").read_text(), object_hook=lambda d: SimpleNamespace(**d))
    with (HERE / "data/answer.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    ids = np.array([int(row["id"]) for row in rows], dtype=np.int64)
    try:
        prediction = parse_predictions(
            file.read_bytes(), settings.submission, ids, probabilities=settings.probabilities
        )
    except (SubmissionInvalid, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    prediction = standardised(coded(prediction, settings), rows)
    truth = standardised(numbers(rows, "truth"), rows)
    test = np.array([row["half"] == "test" for row in rows])
    groups = numbers(rows, "group").astype(np.int64)[test] if "group" in rows[0] else None
    print(json.dumps({settings.metric.name: score(truth[test], prediction[test], settings, groups)}))
    return 0


def numbers(rows: list[dict[str, str]], name: str) -> Any:
    """A column of the answers."""
    return np.array([float(row[name]) for row in rows])


def coded(prediction: Any, settings: Any) -> Any:
    """Text labels as positions in the declared values; names of clusters mean nothing and are numbered."""
    if prediction.dtype != object:
        return prediction
    values = settings.submission.columns[0].values
    if values is None:
        return np.unique(prediction.astype(np.str_), return_inverse=True)[1]
    places = {str(value): place for place, value in enumerate(values)}
    return np.array([places[label] for label in prediction.tolist()], dtype=np.int64)


def standardised(values: Any, rows: list[dict[str, str]]) -> Any:
    """Cells of a table count in standard deviations of their column."""
    return (values - numbers(rows, "center")) / numbers(rows, "scale") if "center" in rows[0] else values


def score(truth: Any, prediction: Any, settings: Any, groups: Any) -> float:
    """By the declared metric, or by the task's own evaluator."""
    if settings.metric.name != "custom":
        return float(METRICS[settings.metric.name](truth, prediction, settings.metric, groups))
    from grader.own import evaluate

    return float(evaluate(truth.tolist(), prediction.tolist()))


if __name__ == "__main__":
    sys.exit(main())
