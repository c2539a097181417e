"""Recommendation: questions about what people think of things, `texts/ratings.yaml`.

The first two of a question's `columns` are the person and the thing; the others say more of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_synth.synthesis.templates.arrays import answer
from mlgym_synth.synthesis.templates.questions import Question, template
from mlgym_synth.synthesis.templates.tabular.scripts import assembled, listed
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import TaskSpec


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to predict a number: lines that set `guess` for the rows of `test`, between reading and writing.

    Attributes:
        said: ends the sentence "`baseline.py` ...".
        lines: with PERSON, THING, THIRD and TARGET for the columns, COLUMNS for the list of all inputs.
    """

    said: str
    lines: str


_EFFECTS = """
def effect(column, rest, strength):
    sums = rest.groupby(train[column]).agg(["sum", "count"])
    return sums["sum"] / (sums["count"] + strength)


mean, bias = train[TARGET].mean(), {PERSON: 0.0, THING: 0.0}
for _ in range(8):
    for column, other in ((THING, PERSON), (PERSON, THING)):
        theirs = train[other].map(bias[other]) if isinstance(bias[other], pd.Series) else 0.0
        bias[column] = effect(column, train[TARGET] - mean - theirs, 4.0)


def expected(frame):
    return mean + frame[PERSON].map(bias[PERSON]).fillna(0) + frame[THING].map(bias[THING]).fillna(0)
"""
_FACTORS = """
people = {name: k for k, name in enumerate(sorted({*train[PERSON], *test[PERSON]}))}
things = {name: k for k, name in enumerate(sorted({*train[THING], *test[THING]}))}
u, f = train[PERSON].map(people).to_numpy(), train[THING].map(things).to_numpy()
rest = (train[TARGET] - expected(train)).to_numpy()
rank, strength = 3, 5.0
a, b = np.zeros((len(people), rank)), 0.1 * np.random.default_rng(0).standard_normal((len(things), rank))
for _ in range(6):
    for side, other, mine, theirs in ((a, b, u, f), (b, a, f, u)):
        order = np.argsort(mine, kind="stable")
        bounds = np.searchsorted(mine[order], np.arange(len(side) + 1))
        for k in range(len(side)):
            rows = order[bounds[k] : bounds[k + 1]]
            x = other[theirs[rows]]
            side[k] = np.linalg.solve(x.T @ x + strength * np.eye(rank), x.T @ rest[rows])
tu, tf = test[PERSON].map(people).to_numpy(), test[THING].map(things).to_numpy()
guess = expected(test).to_numpy() + 0.8 * (a[tu] * b[tf]).sum(axis=1)
"""
_BOOSTED = """
more = [name for name in COLUMNS if name not in (PERSON, THING)]
codes = {}
for name in more:
    if not pd.api.types.is_numeric_dtype(train[name]):
        train[name], test[name] = train[name].fillna("none").astype(str), test[name].fillna("none").astype(str)
        codes[name] = {text: k for k, text in enumerate(sorted({*train[name], *test[name]}))}


def features(frame, leave_out):
    made = {}
    for column in (PERSON, THING):
        sums = train.groupby(column)[TARGET].agg(["sum", "count"])
        total, count = frame[column].map(sums["sum"]).fillna(0), frame[column].map(sums["count"]).fillna(0)
        if leave_out:
            total, count = total - frame[TARGET], count - 1
        made[column], made[column + " count"] = (total + 4 * mean) / (count + 4), count
    for name in more:
        made[name] = frame[name].map(codes[name]) if name in codes else frame[name]
    return pd.DataFrame(made)


mean = train[TARGET].mean()
model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, min_samples_leaf=30, random_state=0)
model.fit(features(train, True), train[TARGET])
guess = model.predict(features(test, False))
"""
BASELINES = {
    "thing": Rule(
        "predicts the mean of each THING",
        "guess = test[THING].map(train.groupby(THING)[TARGET].mean()).fillna(train[TARGET].mean())",
    ),
    "careful": Rule(
        "predicts the mean of each THING, drawn to that of all where there are few",
        "known = train.groupby(THING)[TARGET].agg(['sum', 'count'])\n"
        "known = (known['sum'] + 5 * train[TARGET].mean()) / (known['count'] + 5)\n"
        "guess = test[THING].map(known).fillna(train[TARGET].mean())",
    ),
    "person": Rule(
        "predicts the mean of each PERSON",
        "guess = test[PERSON].map(train.groupby(PERSON)[TARGET].mean()).fillna(train[TARGET].mean())",
    ),
    "third": Rule(
        "predicts the mean for each THIRD",
        "guess = test[THIRD].map(train.groupby(THIRD)[TARGET].mean()).fillna(train[TARGET].mean())",
    ),
}
REFERENCES = {
    "factors": Rule("adds up shrunken effects of PERSON and THING, and three factors", _EFFECTS + _FACTORS),
    "effects": Rule("adds up shrunken effects of PERSON and THING", _EFFECTS + "\n\nguess = expected(test)"),
    "boosted": Rule("boosts trees on what is known of PERSON and THING", _BOOSTED),
}
_ONE_HOT = "OneHotEncoder(handle_unknown='ignore', min_frequency=2)"
CLASS_BASELINES = {
    "thing": ("knows the THING only", "[THING]"),
    "person": ("knows the PERSON only", "[PERSON]"),
    "household": ("knows the household only", "[PERSON]"),
    "prices": ("looks at prices only", "PRICES"),
    "other": ("knows neither PERSON nor THING, only the other columns", "MORE"),
}
CLASS_REFERENCES = {
    "all": ("fits a logistic regression to all columns, one-hot", "COLUMNS", "1.0"),
    "pairs": ("fits a shrunken logistic regression to all columns, one-hot", "COLUMNS", "0.3"),
}


def _filled(text: str, question: Question, quote: str) -> str:
    names = list(question.columns)
    for word, name in (("PERSON", names[0]), ("THING", names[1]), ("THIRD", names[-1]), ("TARGET", question.target)):
        text = text.replace(word, f"{quote}{name}{quote}")
    return text


def _number_script(rule: Rule, question: Question, role: str) -> Script:
    clip = f".clip({question.low:g}, {question.high:g})" if question.low is not None else ""
    columns = listed("COLUMNS", tuple(question.columns)) if "COLUMNS" in rule.lines else []
    lines = [
        'train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")',
        *columns,
        _filled(rule.lines, question, '"').strip("\n"),
        f'test["{question.target}"] = np.asarray(guess){clip}',
        f'test[["id", "{question.target}"]].to_csv("submission.csv", index=False)',
    ]
    said = _filled(rule.said, question, "`")
    return Script(said, assembled(f"{role}: {said}.", "\n".join(lines)))


def _class_script(said: str, columns: str, c: str, question: Question, role: str) -> Script | None:
    names = list(question.columns)
    said = _filled(said, question, "`")
    prices = [name for name in names if name.startswith("price")]
    parts_of = {"[THING]": names[1:2], "[PERSON]": names[:1], "MORE": names[2:], "PRICES": prices, "COLUMNS": names}
    chosen = parts_of[columns]
    if not chosen:
        return None
    numbers = [name for name in chosen if name in prices]
    kinds = [name for name in chosen if name not in numbers]
    parts = [f"({_ONE_HOT}, kinds)"] if kinds else []
    parts += ["(StandardScaler(), numbers)"] if numbers else []
    lines = [
        'train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")',
        *(listed("kinds", tuple(kinds)) if kinds else []),
        *(listed("numbers", tuple(numbers)) if numbers else []),
        "columns = make_column_transformer(",
        *(f"    {part}," for part in parts),
        ")",
        f"model = make_pipeline(columns, LogisticRegression(C={c}, max_iter=400))",
        f'model.fit(train, train["{question.target}"])',
        *answer(question, "test"),
    ]
    return Script(said, assembled(f"{role}: {said}.", "\n".join(lines)))


def _scripts(question: Question, spec: TaskSpec) -> tuple[Sequence[Script], Sequence[Script]]:
    if question.is_number:
        return (
            [_number_script(BASELINES[name], question, "Baseline") for name in question.baselines or BASELINES],
            [_number_script(REFERENCES[name], question, "Reference") for name in question.references or REFERENCES],
        )
    weak = [
        _class_script(*CLASS_BASELINES[name], "1.0", question, "Baseline")
        for name in question.baselines or CLASS_BASELINES
    ]
    strong = [_class_script(*CLASS_REFERENCES[name], question, "Reference") for name in CLASS_REFERENCES]
    return [one for one in weak if one is not None], [one for one in strong if one is not None]


TEMPLATES = (template("ratings", "recommendation", 1, _scripts),)
