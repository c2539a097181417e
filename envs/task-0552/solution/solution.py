"""Reference: runs complement naive Bayes on pieces of words."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
texts, texts_test = train["remarks"].fillna("").astype(str), test["remarks"].fillna("").astype(str)
model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2, max_features=30000), ComplementNB(alpha=0.2))
model.fit(texts, train["night"])
test["night"] = model.predict_proba(texts_test)[:, 1]
test[["id", "night"]].to_csv("submission.csv", index=False)
