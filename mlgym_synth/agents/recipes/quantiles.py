"""Ranges instead of numbers: `python quantiles.py forest|boosting|linear|blend`, a quantile for every column."""

import sys

import lab
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from tabular import features, prepared

SEED = 0
TREES = 150
RATE = 0.05
LEVELS = lab.quantiles()


class Quantiles(RegressorMixin, BaseEstimator):
    """What a pipeline takes as its last step."""

    def __sklearn_is_fitted__(self):
        return True


class Forest(Quantiles):
    """Quantile regression forest (Meinshausen 2006): the train rows that share leaves with a row are its sample."""

    def fit(self, X, y):
        self.fill = SimpleImputer(strategy="median").fit(X)
        self.model = ExtraTreesRegressor(TREES, min_samples_leaf=8, max_features=0.5, random_state=SEED)
        self.model.fit(self.fill.transform(X), y)
        self.order = np.argsort(y)
        self.y, self.leaves = y[self.order], self.model.apply(self.fill.transform(X))[self.order]
        return self

    def predict(self, X):
        weights = np.zeros((len(X), len(self.y)), np.float32)
        for tree, leaf in enumerate(self.model.apply(self.fill.transform(X)).T):
            same = leaf[:, None] == self.leaves[:, tree]
            weights += same / same.sum(1, keepdims=True)
        rise = weights.cumsum(1) / weights.sum(1, keepdims=True)
        return np.column_stack([self.y[(rise >= q).argmax(1)] for q in LEVELS])


class Boosted(Quantiles):
    """Gradient boosting of the pinball loss, one model for every quantile."""

    def fit(self, X, y):
        self.models = [
            HistGradientBoostingRegressor(
                loss="quantile", quantile=q, learning_rate=RATE, max_iter=TREES, max_leaf_nodes=8,
                min_samples_leaf=25, l2_regularization=5.0, random_state=SEED,
            ).fit(X, y)
            for q in LEVELS
        ]  # fmt: skip
        return self

    def predict(self, X):
        return np.sort(np.column_stack([model.predict(X) for model in self.models]), axis=1)


class Linear(Quantiles):
    """A ridge regression for the middle, another for the width; then quantiles of the residuals in units of width."""

    def fit(self, X, y):
        even = QuantileTransformer(output_distribution="normal", n_quantiles=200, random_state=SEED)
        fill = SimpleImputer(strategy="median", add_indicator=True)
        self.middle = make_pipeline(fill, even, RidgeCV(np.logspace(-1, 4, 9))).fit(X, y)
        left = y - self.middle.predict(X)
        self.floor = 0.3 * np.abs(left).mean()
        self.width = make_pipeline(fill, even, RidgeCV(np.logspace(0, 5, 9))).fit(X, np.abs(left))
        self.levels = np.quantile(left / self.widths(X), LEVELS)
        return self

    def widths(self, X):
        return np.maximum(self.width.predict(X), self.floor)

    def predict(self, X):
        return self.middle.predict(X)[:, None] + self.widths(X)[:, None] * self.levels


def main(idea):
    if idea == "blend":
        return lab.blend()
    X, X_test, long = features()
    make = {"forest": Forest, "boosting": Boosted, "linear": Linear}[idea]
    return lab.finish(idea, *lab.cross_validate(lambda: prepared(make(), long) if long else make(), X, X_test))


if __name__ == "__main__":
    main(sys.argv[1])
