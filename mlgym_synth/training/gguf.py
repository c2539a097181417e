"""Models in GGUF files as plain model folders, which trainers take."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlgym_synth.cache import built_once, cache_root
from mlgym_synth.training.errors import ModelUnusable

_MAGIC = b"GGUF"


def from_gguf(path: Path, out: Path) -> Path:
    """Write a GGUF file's model and tokenizer as a model folder with float32 weights.

    Quantised weights are taken for what they stand for: the folder is a little worse than the original model, and as
    large as that. transformers' Trainer refuses the model as it comes from the file, hence the detour.

    Args:
        path: a `.gguf` file of an architecture that transformers reads.
        out: a folder; files of the same names are replaced.

    Returns:
        `out`.

    Raises:
        ModelUnusable: no such file, or not one that transformers reads.
    """
    check_gguf(path)
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = tokenizer_of(path)
    with _told(path), _silent():
        loaded = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32)
        config = loaded.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        plain.load_state_dict(loaded.state_dict())
        plain.generation_config = loaded.generation_config
        plain.save_pretrained(str(out))
        tokenizer.save_pretrained(str(out))
    return out


def cached_folder(path: Path, sha256: str) -> Path:
    """The model folder of a GGUF file with this hash, made once and kept in the cache."""
    models = cache_root() / "models"
    models.mkdir(parents=True, exist_ok=True)
    return built_once(models / sha256[:24], lambda scratch: _into(path, scratch))


def tokenizer_of(path: Path) -> Any:
    """The tokenizer in a GGUF file, chat template included; its weights are not read."""
    check_gguf(path)
    from transformers import AutoTokenizer

    with _told(path), _silent():
        return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)


def check_gguf(path: Path) -> None:
    """Refuse what is no GGUF file, by its first bytes."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelUnusable(f"model {path}: {error.strerror}") from error
    if magic != _MAGIC:
        raise ModelUnusable(f"model {path}: is not a GGUF file, it begins with {magic!r}")


def _into(path: Path, folder: Path) -> None:
    from_gguf(path, folder)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of the file's reader, of transformers: dozens of kinds, one remedy
        reason = str(error).strip().partition("\n")[0]
        raise ModelUnusable(
            f"model {path}: transformers cannot read it: {reason} Give a model folder or a name on the Hub."
        ) from error


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the bars that transformers draws while it reads a GGUF file."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
