"""Models that baselines and references are made of: scikit-learn expressions, in words and in code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Columns = Literal["all", "numbers", "one", "kind"]
"""Which columns a model sees: all, the numeric ones, one numeric column, or one category."""

IMPUTE = "make_pipeline(SimpleImputer(strategy='median'), StandardScaler())"
ONE_HOT = "OneHotEncoder(handle_unknown='infrequent_if_exist', max_categories=20, sparse_output=False)"
ORDINAL = "OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1)"
IMPORTS = {
    "make_pipeline": "sklearn.pipeline",
    "make_column_transformer": "sklearn.compose",
    "TransformedTargetRegressor": "sklearn.compose",
    "SimpleImputer": "sklearn.impute",
    "StandardScaler": "sklearn.preprocessing",
    "OneHotEncoder": "sklearn.preprocessing",
    "OrdinalEncoder": "sklearn.preprocessing",
    "Ridge": "sklearn.linear_model",
    "QuantileRegressor": "sklearn.linear_model",
    "LogisticRegression": "sklearn.linear_model",
    "KNeighborsRegressor": "sklearn.neighbors",
    "KNeighborsClassifier": "sklearn.neighbors",
    "GaussianNB": "sklearn.naive_bayes",
    "DecisionTreeRegressor": "sklearn.tree",
    "DecisionTreeClassifier": "sklearn.tree",
    "RandomForestRegressor": "sklearn.ensemble",
    "RandomForestClassifier": "sklearn.ensemble",
    "ExtraTreesClassifier": "sklearn.ensemble",
    "HistGradientBoostingRegressor": "sklearn.ensemble",
    "HistGradientBoostingClassifier": "sklearn.ensemble",
    "VotingRegressor": "sklearn.ensemble",
    "VotingClassifier": "sklearn.ensemble",
    "IsolationForest": "sklearn.ensemble",
    "NearestNeighbors": "sklearn.neighbors",
    "LocalOutlierFactor": "sklearn.neighbors",
    "GaussianMixture": "sklearn.mixture",
    "LedoitWolf": "sklearn.covariance",
    "OneClassSVM": "sklearn.svm",
    "SVC": "sklearn.svm",
    "KMeans": "sklearn.cluster",
    "AgglomerativeClustering": "sklearn.cluster",
    "SpectralClustering": "sklearn.cluster",
    "QuantileTransformer": "sklearn.preprocessing",
    "KNNImputer": "sklearn.impute",
    "make_union": "sklearn.pipeline",
    "FunctionTransformer": "sklearn.preprocessing",
    "CountVectorizer": "sklearn.feature_extraction.text",
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "ComplementNB": "sklearn.naive_bayes",
    "MultinomialNB": "sklearn.naive_bayes",
    "PCA": "sklearn.decomposition",
    "TruncatedSVD": "sklearn.decomposition",
    "LinearDiscriminantAnalysis": "sklearn.discriminant_analysis",
    "MLPClassifier": "sklearn.neural_network",
    "ExtraTreesRegressor": "sklearn.ensemble",
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model as a person names it, the columns it sees, and its scikit-learn expression.

    Attributes:
        said: ends "`baseline.py` ...", with its verb.
        columns: what it sees.
        expression: the estimator; preprocessing is put before it.
        trees: whether it takes missing numbers and ordinal codes as they are.
    """

    said: str
    columns: Columns
    expression: str
    trees: bool = False


def imports_of(text: str) -> list[str]:
    """`from ... import ...` lines for every name of `IMPORTS` in a text, sorted."""
    by_module: dict[str, list[str]] = {}
    for name, module in IMPORTS.items():
        if name + "(" in text:
            by_module.setdefault(module, []).append(name)
    return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(by_module.items())]


def pipeline(model: Model, numbers: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    """The expression of a whole pipeline that takes the frame; scripts have lists `numbers` and `kinds`."""
    parts = []
    if numbers:
        scaled = "SimpleImputer(strategy='median')" if model.trees else IMPUTE
        parts.append(f"({scaled}, numbers)")
    if kinds:
        parts.append(f"({ORDINAL if model.trees else ONE_HOT}, kinds)")
    inner = "".join(f"        {part},\n" for part in parts)
    return f"make_pipeline(\n    make_column_transformer(\n{inner}    ),\n    {model.expression},\n)"


def boosted(sort: str, loss: str = "") -> str:
    """Histogram gradient boosting, `Regressor` or `Classifier`."""
    extra = f", {loss}" if loss else ""
    return (
        f"HistGradientBoosting{sort}(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10"
        f"{extra}, random_state=0)"
    )


def regressors(loss: str = "squared_error") -> tuple[list[Model], list[Model]]:
    """Baselines and references for numeric targets; `loss` is the booster's."""
    baselines = [
        Model("fits a ridge regression to the numeric columns", "numbers", "Ridge(alpha=1.0)"),
        Model("grows a tree of depth three", "all", "DecisionTreeRegressor(max_depth=3, random_state=0)", trees=True),
        Model("draws a straight line through one column", "one", "Ridge(alpha=1.0)"),
        Model("takes the mean of each category of one column", "kind", "Ridge(alpha=0.1)"),
        Model("asks the five nearest rows, by the numeric columns", "numbers", "KNeighborsRegressor(n_neighbors=5)"),
        Model("grows a tree to the end", "all", "DecisionTreeRegressor(random_state=0)", trees=True),
        Model("grows a tree with two leaves", "all", "DecisionTreeRegressor(max_depth=1, random_state=0)", trees=True),
    ]
    forest = "RandomForestRegressor(n_estimators=120, min_samples_leaf=3, max_features=0.5, random_state=0)"
    boost = boosted("Regressor", f"loss='{loss}'")
    references = [
        Model("boosts trees on all columns", "all", boost, trees=True),
        Model("grows a random forest on all columns", "all", forest, trees=True),
        Model("fits a ridge regression to all columns, categories one-hot", "all", "Ridge(alpha=3.0)"),
        Model(
            "takes the mean of boosted trees and a ridge regression",
            "all",
            f"VotingRegressor([('boosted', {boost}), ('ridge', Ridge(alpha=3.0))])",
        ),
    ]
    return baselines, references


def classifiers(balanced: bool) -> tuple[list[Model], list[Model]]:
    """Baselines and references for classes; `balanced` weighs them equally in the references."""
    weight = "class_weight='balanced'" if balanced else ""
    comma = f", {weight}" if weight else ""
    baselines = [
        Model("fits a logistic regression to the numeric columns", "numbers", "LogisticRegression(max_iter=500)"),
        Model("grows a tree of depth three", "all", "DecisionTreeClassifier(max_depth=3, random_state=0)", trees=True),
        Model("fits a logistic regression to one column", "one", "LogisticRegression(max_iter=500)"),
        Model("fits a logistic regression to the categories of one column", "kind", "LogisticRegression(max_iter=500)"),
        Model("runs naive Bayes on the numeric columns", "numbers", "GaussianNB()"),
        Model("asks the five nearest rows, by the numeric columns", "numbers", "KNeighborsClassifier(n_neighbors=5)"),
        Model("grows a tree to the end", "all", "DecisionTreeClassifier(random_state=0)", trees=True),
        Model("grows a tree with two leaves", "all", "DecisionTreeClassifier(max_depth=1, random_state=0)", trees=True),
    ]
    linear = f"LogisticRegression(C=0.5, max_iter=500{comma})"
    forest = f"RandomForestClassifier(n_estimators=150, min_samples_leaf=3{comma}, random_state=0)"
    references = [
        Model("boosts trees on all columns", "all", boosted("Classifier", weight), trees=True),
        Model("grows a random forest on all columns", "all", forest, trees=True),
        Model("fits a logistic regression to all columns, categories one-hot", "all", linear),
        Model(
            "takes the mean of a random forest and a logistic regression",
            "all",
            f"VotingClassifier([('forest', {forest}), ('linear', {linear})], voting='soft')",
        ),
    ]
    return baselines, references
