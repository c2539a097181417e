"""Reference: runs complement naive Bayes on pieces of words."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
texts, texts_test = train["bake"].fillna("").astype(str), test["bake"].fillna("").astype(str)
model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2, max_features=30000), ComplementNB(alpha=0.2))
model.fit(texts, train["showstopper"])
test["showstopper"] = model.predict_proba(texts_test)[:, 1]
test[["id", "showstopper"]].to_csv("submission.csv", index=False)
