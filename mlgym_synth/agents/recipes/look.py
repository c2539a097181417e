"""What the data files hold: shape of every file, and a line for every column."""

from pathlib import Path

import numpy as np
import pandas as pd

for path in sorted(Path().glob("*.npy")):
    array = np.load(path)
    print(f"{path}: array {array.shape} {array.dtype}, {array.min():.4g} to {array.max():.4g}")
for path in sorted(Path().glob("*.csv")):
    table = pd.read_csv(path)
    print(f"{path}: {len(table)} rows, {len(table.columns)} columns")
    if path.name == "sample_submission.csv":
        continue
    for name in table.columns[:30]:
        column = table[name]
        kind, extra = "number", ""
        if pd.api.types.is_numeric_dtype(column):
            extra = f"{column.min():.5g} to {column.max():.5g}, mean {column.mean():.5g}, skew {column.skew():.2g}"
        else:
            words = column.fillna("").astype(str).str.split().str.len().mean()
            dates = pd.to_datetime(column.dropna().head(50), errors="coerce", format="ISO8601").notna().all()
            kind = "date" if dates else "text" if words > 3.5 and column.nunique() > 0.6 * len(table) else "category"
            extra = f"e.g. {str(column.iloc[0])[:40]!r}"
        print(f"  {path.name} {name}: {kind}, {column.nunique()} distinct, {column.isna().sum()} missing, {extra}")
