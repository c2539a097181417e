"""Files of another layout, brought into the usual one: `python arrange.py`, and `python arrange.py back` for what came.

`data/train.csv` (with `data/validation.csv`, which has answers too) and `data/test.csv` become `flat/train.csv` and
`flat/test.csv`; the column that names the rows is called `id` in there, and the submission gets its own name back.
"""

import sys
from pathlib import Path

import pandas as pd

SUBMISSION = "submission.csv"

test = pd.read_csv("data/test.csv")
named = [name for name in test if name.lower().endswith("id") and test[name].is_unique]
key = named[0] if named else test.columns[0]

if sys.argv[1:] == ["back"]:
    pd.read_csv("flat/submission.csv").rename(columns={"id": key}).to_csv(SUBMISSION, index=False)
else:
    parts = [pd.read_csv(f"data/{name}.csv") for name in ("train", "validation") if Path(f"data/{name}.csv").exists()]
    train = pd.concat(parts, ignore_index=True)
    target = next((name for name in train if name not in test), None)
    if target is None:
        sys.exit("every column of train is in test too: there is nothing to predict")
    Path("flat").mkdir(exist_ok=True)
    train.drop(columns=key, errors="ignore").to_csv("flat/train.csv", index=False)
    test.rename(columns={key: "id"}).to_csv("flat/test.csv", index=False)
    answer = test[[key]].rename(columns={key: "id"}).assign(**{target: train[target].mode()[0]})
    answer.to_csv("flat/sample_submission.csv", index=False)
    print(f"{len(train)} rows with {target}, {len(test)} without; each has a {key}")
