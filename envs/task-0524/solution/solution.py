"""Reference: weighs words and pieces of words by rarity in a logistic regression."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
texts, texts_test = train["course"].fillna("").astype(str), test["course"].fillna("").astype(str)
model = make_pipeline(make_union(TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]"), TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2, max_features=30000)), LogisticRegression(C=4.0, max_iter=300))
model.fit(texts, train["subject"])
test["subject"] = model.predict(texts_test)
test[["id", "subject"]].to_csv("submission.csv", index=False)
