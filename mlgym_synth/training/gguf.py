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
_FOLDERS = 2
"""Goes up when the same file becomes another folder: 2 since digits are split as the file says."""
_DIGITS_APART = frozenset(("refact", "smollm", "starcoder"))
"""Byte-level vocabularies whose merges never saw two digits together; transformers ignores that."""
_SPLIT_BY_TRANSFORMERS = frozenset((
    "dbrx", "deepseek-r1-qwen", "default", "falcon-h1", "falcon3", "gpt-2", "gpt-4o", "kanana2", "kormo", "lfm2",
    "llama-bpe", "llama-v3", "llama3", "llama4", "megrez", "minimax-m2", "phi-2", "pixtral", "qwen2", "qwen35",
    "smaug-bpe", "tekken",
))  # fmt: skip


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
    with _as_model_unusable(path), _silent():
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
    return built_once(models / f"{sha256[:24]}-{_FOLDERS}", lambda scratch: _into(path, scratch))


def tokenizer_of(path: Path) -> Any:
    """The tokenizer in a GGUF file, chat template included; its weights are not read.

    Raises:
        ModelUnusable: transformers cannot read it, or would split text in another way than llama.cpp does, so that a
            student were trained on other tokens than it is served with.
    """
    check_gguf(path)
    from transformers import AutoTokenizer

    with _as_model_unusable(path), _silent():
        kind, split = (_field(path, f"tokenizer.ggml.{key}") for key in ("model", "pre"))
        tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    if kind != "gpt2":  # only byte-level vocabularies are split before they are merged
        return tokenizer
    if split in _DIGITS_APART:
        from tokenizers import pre_tokenizers

        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False),
        ])  # fmt: skip
    elif split is not None and split not in _SPLIT_BY_TRANSFORMERS:
        raise ModelUnusable(
            f"model {path}: nobody here knows how its text is split (tokenizer.ggml.pre is {split!r}), and guesses are"
            " other tokens than the model knows. Give a model folder or a name on the Hub."
        )
    return tokenizer


def check_gguf(path: Path) -> None:
    """Refuse what is no GGUF file, by its first bytes."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelUnusable(f"model {path}: {error.strerror}") from error
    if magic != _MAGIC:
        raise ModelUnusable(f"model {path}: is not a GGUF file, it begins with {magic!r}")


def _field(path: Path, name: str) -> Any:
    import gguf

    found = gguf.GGUFReader(str(path)).get_field(name)
    return None if found is None else found.contents()


def _into(path: Path, folder: Path) -> None:
    from_gguf(path, folder)


@contextlib.contextmanager
def _as_model_unusable(path: Path) -> Iterator[None]:
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
