"""Groups without labels: `python clusters.py kmeans|ward|mixture|spectral GROUPS`."""

import sys
import warnings

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import QuantileTransformer, StandardScaler

SEED = 0
KEEP = 0.98
warnings.filterwarnings("ignore")
test = pd.read_csv("test.csv")
column = pd.read_csv("sample_submission.csv", nrows=2).columns[1]


def features():
    """Columns on one scale, without skew; then principal components, since some columns say the same thing."""
    table = pd.get_dummies(test.drop(columns="id")).astype(float)
    table = table.fillna(table.median())
    skewed = [n for n in table if abs(table[n].skew()) > 1]
    even = QuantileTransformer(output_distribution="normal", n_quantiles=min(200, len(table)), random_state=SEED)
    if skewed:
        table[skewed] = even.fit_transform(table[skewed])
    scaled = StandardScaler().fit_transform(table).clip(-4, 4)
    return PCA(KEEP, random_state=SEED).fit_transform(scaled)


def groups(idea, X, k):
    if idea == "kmeans":
        return KMeans(k, n_init=10, random_state=SEED).fit_predict(X)
    if idea == "ward":
        return AgglomerativeClustering(k).fit_predict(X)
    if idea == "mixture":
        kind = "full" if len(X) > 30 * k else "diag"
        return GaussianMixture(k, covariance_type=kind, reg_covar=0.02, n_init=5, random_state=SEED).fit_predict(X)
    return SpectralClustering(k, affinity="nearest_neighbors", n_neighbors=12, random_state=SEED).fit_predict(X)


def main(idea, k):
    X = features()
    if not k:
        found = {n: silhouette_score(X, groups("ward", X, n)) for n in range(2, 21)}
        print("silhouette by number of groups:", {n: round(float(s), 3) for n, s in found.items()})
        k = max((n for n in found if n > 2), key=found.get)
    labels = groups(idea, X, k)
    print(f"{idea}: {k} groups, silhouette {silhouette_score(X, labels):.3f}, sizes {np.bincount(labels).tolist()}")
    pd.DataFrame({"id": test["id"], column: labels}).to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
