import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
text = max(test.select_dtypes(exclude="number"), key=lambda name: test[name].astype(str).str.len().mean())
words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2, max_features=20000)
model = make_pipeline(make_union(words, letters), LogisticRegression(C=3, class_weight="balanced", max_iter=300))
model.fit(train[text].fillna(""), train[target])
test[target] = PREDICT
test[["id", target]].to_csv("submission.csv", index=False)
