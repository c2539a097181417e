"""Fill the holes of a table: `python cells.py linear|forest|boosting|blend`. Each column is told by all the others."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 0
TREES = 40
warnings.filterwarnings("ignore")
table, test = pd.read_csv("table.csv").drop(columns="row"), pd.read_csv("test.csv")
holes = list(test["column"].unique())


def features():
    """Every column as numbers without gaps; dates in parts, and for a table of days the neighbours in time."""
    parts = {}
    for name in table:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            parts[name] = column.astype(float)
            continue
        dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
        if dates.notna().mean() > 0.9:
            parts["years"] = (dates - dates.min()).dt.days / 365.25
            for k in range(1, 3):
                parts[f"sin{k}"], parts[f"cos{k}"] = (
                    np.sin(6.2832 * k * parts["years"]),
                    np.cos(6.2832 * k * parts["years"]),
                )
            for day in range(7):
                parts[f"weekday{day}"] = (dates.dt.weekday == day).astype(float)
        elif column.nunique() <= 30:
            parts |= {f"{name}_{v}": (column == v).astype(float) for v in column.dropna().unique()}
    return pd.DataFrame(parts)


def model(idea):
    if idea == "linear":
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 3, 9)))
    if idea == "forest":
        return ExtraTreesRegressor(TREES, min_samples_leaf=2, max_features=0.6, random_state=SEED)
    return HistGradientBoostingRegressor(learning_rate=0.1, max_iter=80, max_leaf_nodes=12, random_state=SEED)


def start(found):
    """A first filling: linear in the other columns, three rounds, each with the gaps of the round before."""
    if Path("start.csv").exists():
        return pd.read_csv("start.csv")
    full = found.fillna(found.median())
    for _ in range(3):
        for name in holes:
            gap = found[name].isna().to_numpy()
            if gap.any():
                others = full.drop(columns=name)
                full.loc[gap, name] = model("linear").fit(others[~gap], found[name][~gap]).predict(others[gap])
    full.to_csv("start.csv", index=False)
    return full


def main(idea):
    said, errors = test["id"].to_frame(), {}
    if idea == "blend":
        names = [path for path in sorted(Path().glob("filled_*.csv")) if path.stem != "filled_linear"]
        kept = [pd.read_csv(path) for path in names]
        said["value"] = sum(part.set_index("id")["value"].loc[test["id"]].to_numpy() for part in kept) / len(kept)
        print("mean of", [path.stem for path in names])
    else:
        found = features()
        full = start(found)
        for name, asked in test.groupby("column"):
            others, known = full.drop(columns=name), found[name].notna().to_numpy()
            X, y = others[known].to_numpy(), found[name][known].to_numpy()
            fit, rest = next(KFold(5, shuffle=True, random_state=SEED).split(X))
            errors[name] = np.mean((model(idea).fit(X[fit], y[fit]).predict(X[rest]) - y[rest]) ** 2) / y.var()
            filled = model(idea).fit(X, y).predict(others.iloc[asked["row"]].to_numpy())
            said.loc[asked.index, "value"] = filled
        print(f"CV rmse (in standard deviations) of {idea}: {np.mean(list(errors.values())) ** 0.5:.5f}")
        said.to_csv(f"filled_{idea}.csv", index=False)
    said.to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1])
