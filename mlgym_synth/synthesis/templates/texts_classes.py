"""Text classification: questions about short real texts, `texts/texts_classes.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from mlgym_synth.synthesis.templates.arrays import Way, answer
from mlgym_synth.synthesis.templates.questions import Question, template
from mlgym_synth.synthesis.templates.tabular.scripts import assembled
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import TaskSpec

_MARKS = """
def features(text):
    marks = [text.str.len() / 100, text.str.count(" ") / 20]
    marks += [text.str.count(mark) for mark in ("[A-Z]", "[0-9]", "[!?]", "[,.;:]")]
    return pd.concat(marks, axis=1).to_numpy()
"""
_WORDS = "TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), token_pattern=r'\\w+|[^\\w\\s]')"
_PIECES = "TfidfVectorizer(analyzer='char_wb', ngram_range=(1, 5), sublinear_tf=True, min_df=2, max_features=30000)"
_LINEAR = "LogisticRegression(C={c}, max_iter=300{balance})"
BASELINES = {
    "marks": Way("looks at length, capitals, digits and punctuation only", _MARKS,
                 "make_pipeline(StandardScaler(), LogisticRegression())"),
    "few words": Way("counts the 40 most frequent words and fits a logistic regression", "",
                     "make_pipeline(CountVectorizer(max_features=40), LogisticRegression(max_iter=300))"),
    "tree": Way("grows a small tree on the 200 most frequent words", "",
                "make_pipeline(CountVectorizer(max_features=200),"
                " DecisionTreeClassifier(max_depth=6, random_state=0))"),
    "letters": Way("counts letters and fits a logistic regression", "",
                   "make_pipeline(CountVectorizer(analyzer='char', max_features=40),"
                   " LogisticRegression(max_iter=300))"),
}  # fmt: skip
REFERENCES = {
    "both": Way("weighs words and pieces of words by rarity in a logistic regression", "",
                f"make_pipeline(make_union({_WORDS}, {_PIECES}), {_LINEAR.format(c='4.0', balance='')})"),
    "balanced": Way("weighs words and pieces by rarity, and classes alike, in a logistic regression", "",
                    f"make_pipeline(make_union({_WORDS}, {_PIECES}),"
                    f" {_LINEAR.format(c='4.0', balance=', class_weight=' + repr('balanced'))})"),
    "bayes": Way("runs complement naive Bayes on pieces of words", "",
                 f"make_pipeline({_PIECES}, ComplementNB(alpha=0.2))"),
    "shrunk": Way("fits a strongly shrunken logistic regression to words and pieces of words", "",
                  f"make_pipeline(make_union({_WORDS}, {_PIECES}), {_LINEAR.format(c='0.5', balance='')})"),
}  # fmt: skip


def _script(way: Way, question: Question, role: str) -> Script:
    texts = [f'{{frame}}["{name}"].fillna("")' for name in question.columns]
    joined = ' + " " + '.join(texts)
    lines = [
        'train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")',
        f"texts = {joined.format(frame='train')}",
        f"texts_test = {joined.format(frame='test')}",
        *(["", way.made, "", "texts, texts_test = features(texts), features(texts_test)"] if way.made else []),
        f"model = {way.model}",
        f'model.fit(texts, train["{question.target}"])',
        *answer(question, "texts_test"),
    ]
    return Script(way.said, assembled(f"{role}: {way.said}.", "\n".join(lines)))


def _scripts(question: Question, spec: TaskSpec) -> tuple[Sequence[Script], Sequence[Script]]:
    return (
        [_script(BASELINES[name], question, "Baseline") for name in question.baselines or BASELINES],
        [_script(REFERENCES[name], question, "Reference") for name in question.references or REFERENCES],
    )


TEMPLATES = (template("texts_classes", "text-classification", 1, _scripts),)
