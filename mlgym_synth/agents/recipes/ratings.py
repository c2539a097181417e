"""Who rated what: `python ratings.py biases|factors|neighbours|blend`. Two columns name rater and thing."""

import sys

import lab
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder

SEED = 0
RANK = 3
SHRINK = 4.0


def pair():
    """The two columns with the most values that train and test share."""
    both = [name for name in lab.test if name != "id" and lab.train[name].dtype.kind in "iuOT"]
    both = [name for name in both if lab.test[name].isin(lab.train[name]).mean() > 0.5]
    ranked = sorted(both, key=lambda name: -lab.train[name].nunique())
    first = ranked[0]
    # A title goes with its film: the partner must not be decided by the first column, nor decide it.
    for name in ranked[1:]:
        if lab.train.groupby(first)[name].nunique().mean() > 1.5:
            return first, name
    raise SystemExit("no two columns look like rater and thing")


WHO, WHAT = pair()


def biases(fit, rest):
    """Ridge regression on indicators: a mean for everyone and everything, shrunk where little is known."""
    codes = OneHotEncoder(handle_unknown="ignore")
    model = Ridge(SHRINK).fit(codes.fit_transform(fit[[WHO, WHAT]]), fit[lab.target])
    return model.predict(codes.transform(fit[[WHO, WHAT]])), model.predict(codes.transform(rest[[WHO, WHAT]]))


def matrix(fit, left):
    who, what = pd.factorize(fit[WHO]), pd.factorize(fit[WHAT])
    table = np.full((len(who[1]), len(what[1])), np.nan)
    table[who[0], what[0]] = left
    return table, pd.Series(range(len(who[1])), who[1]), pd.Series(range(len(what[1])), what[1])


def lookup(table, rows, cols, rest):
    row, col = rest[WHO].map(rows), rest[WHAT].map(cols)
    known = (row.notna() & col.notna()).to_numpy()
    said = np.zeros(len(rest))
    said[known] = table[row[known].astype(int), col[known].astype(int)]
    return said


def factors(fit, rest):
    """Biases, and what is left as a product of a few tastes, by alternating least squares."""
    inside, outside = biases(fit, rest)
    table, rows, cols = matrix(fit, fit[lab.target] - inside)
    rng = np.random.default_rng(SEED)
    V = rng.normal(0, 0.1, (table.shape[1], RANK))
    seen = ~np.isnan(table)
    filled = np.where(seen, table, 0)
    for _ in range(12):
        U = np.stack([solve(V[seen[i]], filled[i, seen[i]]) for i in range(len(table))])
        V = np.stack([solve(U[seen[:, j]], filled[seen[:, j], j]) for j in range(table.shape[1])])
    return outside + lookup(U @ V.T, rows, cols, rest)


def solve(A, b):
    return np.linalg.solve(A.T @ A + 3 * SHRINK * 0.25 * np.eye(RANK), A.T @ b)


def neighbours(fit, rest):
    """Biases, and how the same rater liked things that are liked by the same raters."""
    inside, outside = biases(fit, rest)
    table, rows, cols = matrix(fit, fit[lab.target] - inside)
    seen = ~np.isnan(table)
    filled = np.where(seen, table, 0)
    both = seen.T.astype(float) @ seen
    size = np.sqrt((filled**2).T @ seen * (seen.T @ filled**2)) + 1e-9
    like = filled.T @ filled / size * both / (both + 10 * SHRINK)
    np.fill_diagonal(like, 0)
    return outside + lookup(filled @ like / (seen @ np.abs(like) + 0.5), rows, cols, rest)


def main(idea):
    if idea == "blend":
        return lab.blend()
    run = {"biases": lambda a, b: biases(a, b)[1], "factors": factors, "neighbours": neighbours}[idea]
    held_out = np.zeros(len(lab.train))
    for fit, rest in lab.folds():
        held_out[rest] = run(lab.train.iloc[fit], lab.train.iloc[rest])
    low, high = lab.y.min(), lab.y.max()
    return lab.finish(idea, held_out.clip(low, high), run(lab.train, lab.test).clip(low, high))


if __name__ == "__main__":
    main(sys.argv[1])
