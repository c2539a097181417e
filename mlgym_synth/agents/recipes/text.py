"""Experiments on texts: `python text.py words|letters|style|blend`."""

import re
import sys

import lab
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

SEED = 0
STRENGTH = 10.0
GRAM = 5

MARKS = {
    "letters": r"[^\W\d_]", "capitals": r"[A-Z]", "digits": r"\d", "shouts": "!", "questions": r"\?", "dots": r"\.",
    "quotes": '"', "links": "http", "tags": "#", "names": "@", "entities": "&", "commas": ",", "dashes": "-",
    "upper words": r"\b[A-Z]{3,}\b", "starts with a quote": r"^\W*\"", "starts with a name": r"^\W*@", "breaks": r"\n",
}  # fmt: skip


def texts(table):
    """All text columns of a row, joined."""
    names = [name for name in lab.test.columns if name != "id" and not pd.api.types.is_numeric_dtype(lab.test[name])]
    return table[names].fillna("").astype(str).agg(" | ".join, axis=1)


def style(table):
    """How a text is written rather than what it says: its length, and the share of each kind of mark."""
    text = texts(table)
    length = text.str.len().clip(1)
    counts = {name: [len(re.findall(mark, one)) for one in text] for name, mark in MARKS.items()}
    shape = pd.DataFrame(counts).assign(length=length, words=text.str.split().str.len())
    rest = table.select_dtypes("number").drop(columns=["id", lab.target], errors="ignore")
    return pd.concat([shape, rest], axis=1).astype(float)


def main(idea):
    if idea == "blend":
        return lab.blend()
    linear = LogisticRegression(C=STRENGTH, max_iter=300) if lab.classify else Ridge(1.0)
    if idea == "style":
        kind = HistGradientBoostingClassifier if lab.classify else HistGradientBoostingRegressor
        tree = kind(learning_rate=0.06, max_iter=150, max_leaf_nodes=8, random_state=SEED)
        return lab.finish(idea, *lab.cross_validate(lambda: tree, style(lab.train), style(lab.test)))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"https?|\w+|[^\w\s]")
    letters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, GRAM), min_df=3, sublinear_tf=True, lowercase=False, max_features=60_000
    )
    chosen = words if idea == "words" else letters
    X, X_test = texts(lab.train).to_numpy(object), texts(lab.test).to_numpy(object)
    return lab.finish(idea, *lab.cross_validate(lambda: make_pipeline(chosen, linear), X, X_test, np.asarray(lab.y)))


if __name__ == "__main__":
    main(sys.argv[1])
