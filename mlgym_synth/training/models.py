"""Where models and tokenizers are from: a folder, the Hub, or a GGUF file; checked before anything is trained."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgym_synth.training.errors import ModelUnusable
from mlgym_synth.training.gguf import cached_folder, check_gguf, tokenizer_of

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class Model:
    """A model that was found.

    Attributes:
        asked: as it was named.
        name: what transformers loads: a folder or a name on the Hub.
        identity: what tells it from others: hashes of its configuration and weights.
        revision: the commit on the Hub, which is what is loaded however the Hub moves on; None for what is here.
    """

    asked: str
    name: str
    identity: dict[str, Any]
    revision: str | None = None


def find_model(asked: str, revision: str | None = None) -> Model:
    """Look a model up, without reading its weights; a GGUF file is made into a folder first.

    Args:
        asked: a folder, a name on the Hub, or a `.gguf` file.
        revision: of a model on the Hub; None is the newest.

    Raises:
        ModelUnusable: not there, or files of it are missing.
    """
    path = Path(asked).expanduser()
    if path.suffix == ".gguf":
        check_gguf(path)
        sha256 = _sha256(path)
        return Model(asked, str(cached_folder(path, sha256)), {"gguf_sha256": sha256})
    if not _is_path(asked):
        config_sha256, found = _hub_config(asked, revision)
        return Model(asked, asked, {"hub": asked, "revision": found, "config_sha256": config_sha256}, found)
    return Model(asked, str(path), {"sha256": {file.name: _sha256(file) for file in check_folder(path)}})


def check_folder(path: Path) -> list[Path]:
    """The files that make a model, of a folder that has all of them; their content is not read.

    Raises:
        ModelUnusable: no such folder, or something is missing.
    """
    asked = str(path)
    if not path.is_dir():
        raise ModelUnusable(f"model {asked}: no such folder. Give a model folder, a name on the Hub, or a .gguf file.")
    config = path / "config.json"
    if not config.is_file():
        what = _no_model(path)
        raise ModelUnusable(f"model {asked}: {what}. Give the folder of a whole model.")
    weights = sorted(file for pattern in _WEIGHTS for file in path.glob(pattern))
    if not weights:
        raise ModelUnusable(f"model {asked}: has no weights (*.safetensors). Was it downloaded to the end?")
    _check_shards(asked, path)
    return [config, *weights]


def _no_model(folder: Path) -> str:
    if (folder / "adapter_config.json").is_file():
        return "is a LoRA adapter, not a model"
    if (folder / "training.json").is_file():
        return "holds a training that is not finished; the command that began it goes on with it"
    return "has no config.json"


def has_model(folder: Path) -> bool:
    """Whether `check_folder` finds nothing missing."""
    try:
        check_folder(folder)
    except ModelUnusable:
        return False
    return True


def context_of(model: Model) -> int | None:
    """Tokens that a sequence of this model may have, by its configuration; None if that does not say."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model.name, **_at(model.revision))
    known = getattr(config.get_text_config(), "max_position_embeddings", None)
    return known if isinstance(known, int) and known > 0 else None


def load_tokenizer(asked: str, revision: str | None = None) -> Any:
    """A fast tokenizer by folder, by name on the Hub (at this revision), or out of a GGUF file.

    Raises:
        ModelUnusable: not there, or not one.
    """
    path = Path(asked).expanduser()
    if path.suffix == ".gguf":
        return tokenizer_of(path)
    if _is_path(asked) and not path.is_dir():
        raise ModelUnusable(f"tokenizer {asked}: no such folder")
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path) if path.is_dir() else asked, **_at(revision))
    except Exception as error:  # the Hub's, the network's, the file's: dozens of kinds, one remedy
        raise ModelUnusable(
            f"tokenizer {asked}: {_first_line(error)} Give --tokenizer: a folder with tokenizer.json, a name on the"
            " Hub, or a .gguf file."
        ) from error
    if tokenizer.eos_token is None:
        raise ModelUnusable(f"tokenizer {asked}: has no end-of-sequence token (eos_token)")
    return tokenizer


def tokenizer_sha256(tokenizer: Any) -> str:
    """Of all that decides on tokens: vocabulary, merges, special tokens and chat template."""
    text = tokenizer.backend_tokenizer.to_str() + "\0" + str(tokenizer.chat_template)
    return hashlib.sha256(text.encode()).hexdigest()


def load_weights(model: Model, dtype: str, attention: str | None, vocabulary: int) -> Any:
    """The model with its weights.

    Args:
        model: what `find_model` found.
        dtype: of the weights in memory, as torch names it.
        attention: implementation; None leaves it to transformers.
        vocabulary: how many tokens the tokenizer has; all must have a row in the embedding.

    Raises:
        ModelUnusable: it cannot be loaded, lacks weights, or has fewer tokens than the tokenizer.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # there is one bar for all, the command line's
    chosen = {"attn_implementation": attention} if attention else {}
    try:
        loaded, info = AutoModelForCausalLM.from_pretrained(
            model.name, dtype=getattr(torch, dtype), output_loading_info=True, **_at(model.revision), **chosen
        )
    except Exception as error:  # as above
        raise ModelUnusable(f"model {model.asked}: cannot be loaded: {_first_line(error)}") from error
    if missing := sorted(info["missing_keys"]):
        raise ModelUnusable(f"model {model.asked}: {len(missing)} weights are missing, {missing[0]} among them")
    rows = loaded.get_input_embeddings().num_embeddings
    if vocabulary > rows:
        raise ModelUnusable(
            f"model {model.asked}: knows {rows} tokens, the tokenizer has {vocabulary}. Give the model's own tokenizer."
        )
    return loaded


def _is_path(asked: str) -> bool:
    return asked.startswith((".", "/", "~")) or asked.count("/") > 1 or Path(asked).exists()


def _at(revision: str | None) -> dict[str, str]:
    return {} if revision is None else {"revision": revision}


def _hub_config(name: str, revision: str | None) -> tuple[str, str | None]:
    """The hash of a configuration on the Hub, and the commit that it is of."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name, **_at(revision))
    except Exception as error:  # as above
        raise ModelUnusable(
            f"model {name}: {_first_line(error)} Give a model folder, a name on the Hub, or a .gguf file."
        ) from error
    values = json.loads(config.to_json_string())
    values.pop("transformers_version", None)  # is that of the reader here, and says nothing about the model
    text = json.dumps(values, indent=2, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), getattr(config, "_commit_hash", None) or revision


def _check_shards(asked: str, folder: Path) -> None:
    for index in folder.glob("*.index.json"):
        try:
            named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelUnusable(f"model {asked}: {index.name} is not a weight index") from error
        if missing := sorted(name for name in named if not (folder / name).is_file()):
            raise ModelUnusable(f"model {asked}: {', '.join(missing)} missing. Was it downloaded to the end?")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    return line if line.endswith(".") else line + "."
