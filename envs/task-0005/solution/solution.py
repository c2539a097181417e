"""Reference: words and pieces of words, weighted by rarity, in a logistic regression."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
pieces = make_union(
    TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"https?|[#@]?\w+|[^\w\s]"),
    TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=4, max_features=15000),
)
model = make_pipeline(pieces, LogisticRegression(C=3.0, max_iter=300)).fit(train["text"], train["android"])
test["android"] = model.predict_proba(test["text"])[:, 1]
test[["id", "android"]].to_csv("submission.csv", index=False)
