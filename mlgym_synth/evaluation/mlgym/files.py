"""The files of a task of MLGym: what an agent finds, what only the evaluator gets, what is handed in."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mlgym_synth.errors import DatasetUnavailable, FileRefused
from mlgym_synth.evaluation.mlgym.configs import ConfigFault, DatasetConfig, TaskConfig, within
from mlgym_synth.evaluation.mlgym.published import WITHHELD, Published
from mlgym_synth.sandbox.base import Sandbox

DATA = "data"
"""Folder of the workspace that holds the data sets."""
CODE = (".py", ".pyc", ".pyo", ".pyd", ".so")
"""What Python would import from the workspace."""
LIST_S = 30.0


def complete(root: Path, config: TaskConfig, datasets: tuple[DatasetConfig, ...]) -> dict[str, Path]:
    """Every file of the workspace as MLGym lays it out, by its path there: starter code flat, data below `data/`.

    Raises:
        ConfigFault: a file is missing, or the evaluator is not among them.
    """
    files: dict[str, Path] = {}
    for name in config.starter_code:
        files |= _below(within(root, name), root, Path(name).name)
    for dataset in datasets:
        if dataset.is_local:
            files |= _below(within(root, dataset.data_path), root, DATA)
    if config.evaluator not in files:
        raise ConfigFault(f"the evaluator {config.evaluator} is not among the starter code")
    for script in config.baseline_paths[:1]:
        if script not in files:
            raise ConfigFault(f"the baseline {script} is not among the starter code")
    return files


def withheld(files: Mapping[str, Path], config: TaskConfig, published: Published) -> set[str]:
    """Files that no agent may have: the evaluator, labels, and whatever has the bytes of one of them."""
    names = {*WITHHELD, *published.withheld}
    sealed = {path for path in files if PurePosixPath(path).name in names or path == config.evaluator}
    sizes = {files[path].stat().st_size for path in sealed}
    contents = {files[path].read_bytes() for path in sealed}
    return sealed | {p for p, file in files.items() if file.stat().st_size in sizes and file.read_bytes() in contents}


def read_all(files: Mapping[str, Path]) -> dict[str, bytes]:
    """Their contents.

    Raises:
        DatasetUnavailable: one has gone since the checkout was looked at.
    """
    try:
        return {path: file.read_bytes() for path, file in files.items()}
    except OSError as error:
        raise DatasetUnavailable(f"{error.filename}: {error.strerror}. Put the checkout in order again.") from error


def pack(sandbox: Sandbox, max_bytes: int) -> bytes:
    """The workspace of an agent without its data, as a tar file with nothing in it but names and contents.

    Raises:
        FileRefused: too much is there to be handed in.
    """
    find = r"find . \( -name '.?*' -o -path ./data -o -name __pycache__ \) -prune -o -type f -printf '%s %P\n'"
    listed = sandbox.run(["bash", "-c", find], LIST_S)
    if listed.timed_out or listed.output_bytes > len(listed.output.encode()):
        raise FileRefused("the workspace holds too many files to be handed in; delete what is not needed")
    found = re.findall(r"^(\d+) (.+)$", listed.output, re.MULTILINE)
    sizes = {name: int(size) for size, name in found if _is_plain(name)}
    if (total := sum(sizes.values())) > max_bytes:
        raise FileRefused(f"{total:,} bytes are there, {max_bytes:,} can be handed in; delete what is not needed")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in sorted(sizes):
            content = sandbox.read_file(name, max_bytes)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """What `pack` packed."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar]
        return {name: file.read() for name, file in members if file is not None}


def _is_plain(name: str) -> bool:
    """Below the workspace and nowhere hidden; a file's name may hold line breaks, and so pretend anything."""
    return name == PurePosixPath(name).as_posix() and not any(part.startswith((".", "/")) for part in name.split("/"))


def _below(path: Path, root: Path, name: str) -> dict[str, Path]:
    if path.is_file():
        return {name: path}
    found = {}
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            if not file.resolve().is_relative_to(root.resolve()):
                raise ConfigFault(f"{file.relative_to(root)} leads out of the checkout")
            found[f"{name}/{file.relative_to(path).as_posix()}"] = file
    return found
