"""Where real data comes from: sources, splits, public and sealed halves, the cache."""
