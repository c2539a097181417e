"""Scripts on arrays: what is made of each series or image, which model is fitted to it, how the answer is written."""

from __future__ import annotations

from dataclasses import dataclass

from mlgym_synth.synthesis.templates.questions import Question
from mlgym_synth.synthesis.templates.tabular.scripts import assembled
from mlgym_synth.synthesis.templates.tabular.trial import Script


@dataclass(frozen=True, slots=True)
class Way:
    """A script in parts.

    Attributes:
        said: ends the sentence "`baseline.py` ...".
        made: lines that define `features(x)`, from an array of all rows to a table; flat values if empty.
        model: a scikit-learn expression.
        chances: whether the model gives probabilities.
    """

    said: str
    made: str
    model: str
    chances: bool = True


def scripts(ways: dict[str, Way], question: Question, names: tuple[str, ...], role: str) -> list[Script]:
    """The scripts of these names (of all, if none is named) that can answer the question."""
    chosen = [ways[name] for name in names or ways]
    return [_script(way, question, role) for way in chosen if way.chances or not question.gives_chances]


def _script(way: Way, question: Question, role: str) -> Script:
    files = f"{question.array}_train.npy", f"{question.array}_test.npy"
    made = way.made.strip() or "def features(x):\n    return x.reshape(len(x), -1)"
    lines = [
        'train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")',
        f'x, x_test = np.load("{files[0]}").astype(float), np.load("{files[1]}").astype(float)',
        "",
        "",
        made,
        "",
        "",
        "x, x_test = features(x), features(x_test)",
        f"model = {way.model}",
        f'model.fit(x, train["{question.target}"])',
        *answer(question, "x_test"),
    ]
    return Script(way.said, assembled(f"{role}: {way.said}.", "\n".join(lines)))


def answer(question: Question, inputs: str) -> list[str]:
    """Lines that write the submission with `model`, fitted to classes, for these inputs."""
    target = question.target
    if not question.gives_chances:
        first = f'test["{target}"] = model.predict({inputs})'
    elif question.positive is not None:
        first = f'test["{target}"] = model.predict_proba({inputs})[:, 1]'
    else:
        return [
            f"shares = model.predict_proba({inputs})",
            'names = [f"p_{name}" for name in model.classes_]',
            'answer = pd.concat([test[["id"]], pd.DataFrame(shares, columns=names)], axis=1)',
            'answer.to_csv("submission.csv", index=False)',
        ]
    return [first, f'test[["id", "{target}"]].to_csv("submission.csv", index=False)']
