"""Low-rank adapters, and their merging into the model that every server reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlgym_synth.training.models import Model, load_weights
from mlgym_synth.training.processes import is_first, wait_for_all
from mlgym_synth.training.recipe import Lora

ADAPTER = "adapter"
"""Folder of the adapters in that of the student."""


def peft_config(lora: Lora | None) -> Any:
    """PEFT's settings; None trains all weights."""
    if lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
        task_type="CAUSAL_LM",
    )


def save_student(
    trainer: Any,
    lora: Lora | None,
    model: Model,
    dtype: str,
    tokenizer: Any,
    out: Path,
    changed: Callable[[Any], None] = lambda weights: None,
) -> None:
    """Save the model as every server reads it; adapters beside it, and merged into the base for that.

    Args:
        trainer: transformers' with the trained model; every process calls.
        lora: whether and how it was trained by adapters.
        model: the base.
        dtype: of its weights in memory.
        tokenizer: saved beside it.
        out: the folder.
        changed: what was done to the base before it got adapters.
    """
    if lora is None:
        trainer.save_model(str(out))
    else:
        trainer.save_model(str(out / ADAPTER))
        wait_for_all()
        if is_first():
            _merge(model, dtype, tokenizer, out, changed)
    if is_first():
        tokenizer.save_pretrained(str(out))


def _merge(model: Model, dtype: str, tokenizer: Any, out: Path, changed: Callable[[Any], None]) -> None:
    from peft import PeftModel

    base = load_weights(model, dtype, None, len(tokenizer))
    changed(base)
    merged: Any = PeftModel.from_pretrained(base, str(out / ADAPTER)).merge_and_unload()
    merged.save_pretrained(str(out))
