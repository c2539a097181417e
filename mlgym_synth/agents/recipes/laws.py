"""A law behind noisy measurements: `python laws.py powers|terms|ratios|logs`. Few terms that hold outside too.

The target, its inverse or its logarithm is a sum of a few products of powers of the inputs. Terms are added one by one,
each the best next one; how many there are is told by the rows at the rim, which were held out.
"""

import itertools
import sys
import warnings
from pathlib import Path

import numpy as np

PROGRAM = "law.py"
FUNCTION = "predict"
TERMS = 5
RIM = 0.3  # share of the rows, those furthest out, that decide on the number of terms
POWERS = (-2, -1, -0.5, 0.5, 1, 1.5, 2, 3)
SEED = 0

warnings.filterwarnings("ignore")
table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
X, y = table[:, :-1], table[:, -1]
names = [f"x{k}" for k in range(X.shape[1])]
blur = 0.8 * np.abs(y) + 0.2 * np.abs(y).mean()
FORMS = {  # of the target: there, back (as text), size of the slope
    "plain": (lambda v: v, "value", lambda v: np.ones(len(v))),
    "inverse": (lambda v: 1 / v, "1 / value", lambda v: v**-2.0),
    "log": (np.log, "exp(value)", lambda v: 1 / np.abs(v)),
}


def singles(name):
    """Functions of one input, as text."""
    powers = [name if p == 1 else f"{name} ** {p}" for p in POWERS]
    return [*powers, f"log({name})", f"log(1 + {name})"]


def candidates(idea):
    """All terms that may be added, as text."""
    one = {name: singles(name) for name in names}
    if idea == "powers":
        return [*(f"log({name})" for name in names), *names, *(f"1 / {name}" for name in names)]
    terms = [term for name in names for term in one[name]]
    if idea == "logs":  # a product of the inputs' powers is a sum here
        one = {name: [name, f"1 / {name}"] for name in names}
    for a, b in itertools.combinations(names, 2):
        terms += [f"{s} * {t}" for s in one[a] for t in one[b]]
    if idea == "logs":
        return terms
    whole = ("{0}", "1 / {0}", "{0} ** 2")
    for three in itertools.combinations(names, 3):
        for parts in itertools.product(whole, repeat=3):
            terms.append(" * ".join(part.format(name) for part, name in zip(parts, three)))
    return terms


def column(term):
    space = {name: X[:, k] for k, name in enumerate(names)} | {"log": np.log, "exp": np.exp}
    return np.asarray(eval(term, space), float)


def fitted(columns, target, weight, rows):
    design = np.column_stack([np.ones(len(y)), *columns])
    scale = np.abs(design).max(0)
    return np.linalg.lstsq((design / scale)[rows] * weight[rows, None], (target * weight)[rows], rcond=None)[0] / scale


def said(columns, factors):
    return np.column_stack([np.ones(len(y)), *columns]) @ factors


def search(idea, form):
    """Terms, factors, and how close it comes at the rim: 1 is perfect, 0.5 what the mean would get."""
    there, back, slope = FORMS[form]
    target, weight = there(y), 1 / (slope(y) * blur)
    fine = np.isfinite(target) & np.isfinite(weight)
    if fine.mean() < 0.9:
        return 0.0, [], np.zeros(1)
    target, weight = np.where(fine, target, 0.0), np.where(fine, weight, 0.0)  # noise may make a small value negative
    pool = {term: values for term in candidates(idea) if np.isfinite(values := column(term)).all()}
    outer = np.abs((np.argsort(np.argsort(X, axis=0), axis=0) + 0.5) / len(y) - 0.5).max(1)
    inner = outer <= np.quantile(outer, 1 - RIM)
    kept, best, least = [], (0.0, [], np.zeros(1)), np.inf
    for _ in range(TERMS):
        errors = {}
        for term in pool:
            if term not in kept:
                columns = [pool[one] for one in (*kept, term)]
                factors = fitted(columns, target, weight, inner)
                errors[term] = np.sum((((said(columns, factors) - target) * weight)[inner]) ** 2)
        kept.append(min(errors, key=errors.get))
        columns = [pool[term] for term in kept]
        factors = fitted(columns, target, weight, inner)
        value = eval(back, {"value": said(columns, factors), "exp": np.exp})
        rim = float(np.mean(np.minimum(((value - y) / blur)[~inner] ** 2, 100.0)))
        if rim > 4 * least:
            break
        if rim < least * 0.97:
            least, outside = rim, (y - value)[~inner] ** 2
            close = 1 / (1 + outside.sum() / ((y[~inner] - y[~inner].mean()) ** 2).sum())
            best = (close, list(kept), fitted(columns, target, weight, fine))
    return best


def main(idea):
    form = {"powers": "log", "terms": "plain", "ratios": "inverse", "logs": "log"}[idea]
    rim, terms, factors = search(idea, form)
    if not terms:
        sys.exit(f"{idea}: the target cannot be turned that way")
    law = " + ".join([f"{factors[0]:.8g}", *(f"{f:.8g} * {term}" for f, term in zip(factors[1:], terms))])
    print(f"value = {law}; target = {FORMS[form][1]}")
    print(f"CV closeness of {idea}, at the rim: {rim:.5f}")
    Path(PROGRAM).write_text(f"""from math import exp, log


def law({", ".join(names)}):
    value = {law}
    return {FORMS[form][1]}


def {FUNCTION}(rows):
    answers = []
    for row in rows:
        try:
            answer = law(*row)
        except (ValueError, ZeroDivisionError, OverflowError):
            answer = {float(np.median(y))!r}
        answers.append(answer if abs(answer) < 1e12 else {float(np.median(y))!r})
    return answers
""")


if __name__ == "__main__":
    main(sys.argv[1])
