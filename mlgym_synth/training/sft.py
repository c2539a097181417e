"""Supervised fine-tuning on exports, on TRL's SFTTrainer: checked before it starts, and resumed to the same curve.

The command line calls `train`. Conversations are rendered and masked here (`masks`), so that a dry run shows the very
labels that are trained on; the trainer gets them as tokens.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlgym_synth.training import require_extra
from mlgym_synth.training.card import versions, write_card
from mlgym_synth.training.dry_run import packed
from mlgym_synth.training.errors import RecipeInvalid, TrainingRefused
from mlgym_synth.training.models import Model, find_model, load_tokenizer, load_weights, tokenizer_sha256
from mlgym_synth.training.prepare import Prepared, prepare, world_size
from mlgym_synth.training.recipe import SftRecipe
from mlgym_synth.training.run_folder import LOSSES, RunFolder, mark_whole, read_run

ADAPTER = "adapter"
_NO_CURVE = ("model", "tokenizer", "description", "keep_checkpoints")
"""Settings that do not change what is learned; model and tokenizer are told by content instead."""


class Progress(Protocol):
    """Is told how far a training is."""

    def read(self, rows: int) -> None:
        """So many conversations were read and rendered."""

    def stepped(self, step: int, steps: int, loss: float | None) -> None:
        """The optimizer made a step; the loss is the last that was written down."""


class Quiet:
    """Shows nothing."""

    def read(self, rows: int) -> None:
        """Nothing."""

    def stepped(self, step: int, steps: int, loss: float | None) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A student.

    Attributes:
        out: its folder.
        steps: of the optimizer, those before a resumption included.
        first_loss, last_loss: of the curve in `loss.jsonl`.
        resumed_from: the step at which this process took over; 0 if it began.
        already: it was trained before, and nothing was done.
    """

    out: Path
    steps: int
    first_loss: float | None
    last_loss: float | None
    resumed_from: int = 0
    already: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that was checked before the weights are read."""

    recipe: SftRecipe
    model: Model
    tokenizer: Any
    prepared: Prepared
    folder: RunFolder


def train(data: Sequence[Path], recipe: SftRecipe, out: Path, progress: Progress | None = None) -> Trained:
    """Fine-tune a model, or go on where a process of the same command was killed.

    Args:
        data: exports in TRL's format.
        recipe: with a model.
        out: a folder that is new, or the one of the same training.
        progress: is told how far it is.

    Returns:
        Where the student is, and its losses.

    Raises:
        TrainingRefused: data, template, model or output folder are not as they must be. Nothing was trained.
    """
    require_extra()
    progress = progress or Quiet()
    plan = _checked(data, recipe, out, progress)
    state = plan.folder.state()
    if state == "done":
        return _outcome(plan.folder, already=True)
    weights = load_weights(
        plan.model, _dtype(recipe), recipe.attention, len(plan.tokenizer)
    )  # the last thing that can be refused
    if state == "new" and _is_main():
        plan.folder.begin(_about(plan))
    _wait_for_all()
    checkpoint = plan.folder.newest_checkpoint() if _is_main() else None
    _wait_for_all()
    checkpoint = checkpoint if _is_main() else plan.folder.newest_checkpoint()
    started = time.monotonic()
    with _without_pefts_warning():
        trainer = _trainer(plan, weights, progress)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        _save(plan, trainer)
    if _is_main():
        _finish(plan, time.monotonic() - started)
    _wait_for_all()
    return _outcome(plan.folder, resumed_from=int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0)


def _checked(data: Sequence[Path], recipe: SftRecipe, out: Path, progress: Progress) -> _Plan:
    if recipe.model is None:
        raise RecipeInvalid("no model: give --model a folder, a name on the Hub, or a .gguf file")
    if recipe.processes not in (None, world_size()):
        raise TrainingRefused(
            f"the recipe is for {recipe.processes} processes, and there is {world_size()}: start it with"
            " `accelerate launch`, or --set processes=null for as many as there are."
        )
    if read_run(out) is None:
        RunFolder(out, {}).state()  # something else is there: say so before an hour of rendering
    model = find_model(recipe.model)
    tokenizer = load_tokenizer(recipe.tokenizer or model.name)
    prepared = prepare(data, recipe, tokenizer, progress.read)
    identity = {
        "recipe": recipe.model_dump(mode="json", exclude=set(_NO_CURVE)),
        "model": model.identity,
        "tokenizer_sha256": tokenizer_sha256(tokenizer),
        "data": [source.sha256 for source in prepared.sources],
        "processes": world_size(),
        "dtype": _dtype(recipe),
        "bf16": _bf16(recipe),
    }
    return _Plan(recipe, model, tokenizer, prepared, RunFolder(out, identity))


def _about(plan: _Plan) -> dict[str, Any]:
    sources = plan.prepared.sources
    return {
        "base_model": plan.model.asked,
        "recipe_sha256": plan.recipe.sha256(),
        "recipe": plan.recipe.model_dump(mode="json"),
        "data": {
            "sources": [{"file": str(one.file), "sha256": one.sha256, "rows": one.rows} for one in sources],
            "counts": plan.prepared.counts.summary(),
            "masks": plan.prepared.encoder.how,
        },
        "versions": versions(),
    }


def _trainer(plan: _Plan, weights: Any, progress: Progress) -> Any:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        def create_model_card(self, *_: Any, **__: Any) -> None:
            """TRL would write one at each checkpoint; ours comes in the end."""

    if plan.prepared.stops:
        _stop_at(weights, plan.prepared.stops)
    trainer = Trainer(
        model=weights,
        args=_arguments(plan),
        train_dataset=packed(plan.prepared, plan.recipe),
        processing_class=plan.tokenizer,
        peft_config=_adapters(plan.recipe),
        callbacks=[_watch(plan.folder, progress)],
    )
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    return trainer


def _arguments(plan: _Plan) -> Any:
    import torch
    from trl import SFTConfig

    recipe, gpu = plan.recipe, torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(plan.folder.path),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=recipe.max_length,
        packing=recipe.packing,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,  # below 1 it is a share
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulation,
        activation_checkpointing=recipe.gradient_checkpointing,
        bf16=_bf16(recipe),
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        ddp_find_unused_parameters=False,
        seed=recipe.seed,
        data_seed=recipe.seed,
        logging_steps=recipe.log_steps,
        logging_nan_inf_filter=False,  # a loss that is not finite is to be seen
        save_strategy="steps",
        save_steps=recipe.save_steps,
        save_total_limit=recipe.keep_checkpoints,
        disable_tqdm=True,
        report_to="none",
    )


def _watch(folder: RunFolder, progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Writes the curve, marks checkpoints that are whole, and reports."""

        last: float | None = None

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if not state.is_world_process_zero or "loss" not in (logs or {}):
                return
            self.last = float(logs["loss"])
            told = {key: logs[key] for key in ("loss", "learning_rate", "grad_norm", "epoch") if key in logs}
            with (folder.path / LOSSES).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **told}, default=float) + "\n")

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                progress.stepped(state.global_step, state.max_steps, self.last)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _wait_for_all()  # every process writes its random state
            if state.is_world_process_zero:
                mark_whole(folder.path / f"checkpoint-{state.global_step}")

    return Watch()


def _adapters(recipe: SftRecipe) -> Any:
    if recipe.lora is None:
        return None
    from peft import LoraConfig

    targets = recipe.lora.targets
    return LoraConfig(
        r=recipe.lora.r,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def _save(plan: _Plan, trainer: Any) -> None:
    """The model as every server reads it; adapters beside it, and merged into the base for that."""
    out = plan.folder.path
    if plan.recipe.lora is None:
        trainer.save_model(str(out))
    else:
        trainer.save_model(str(out / ADAPTER))
        trainer.accelerator.wait_for_everyone()
        if _is_main():
            _merge(plan, out)
    if _is_main():
        plan.tokenizer.save_pretrained(str(out))


def _merge(plan: _Plan, out: Path) -> None:
    from peft import PeftModel

    base = load_weights(plan.model, _dtype(plan.recipe), None, len(plan.tokenizer))
    if plan.prepared.stops:
        _stop_at(base, plan.prepared.stops)
    merged: Any = PeftModel.from_pretrained(base, str(out / ADAPTER)).merge_and_unload()
    merged.save_pretrained(str(out))


def _finish(plan: _Plan, seconds: float) -> None:
    losses = plan.folder.losses()
    results = {
        "steps": losses[-1]["step"] if losses else 0,
        "first_loss": losses[0]["loss"] if losses else None,
        "last_loss": losses[-1]["loss"] if losses else None,
        "seconds": round(seconds, 3),  # of this process; what a killed one did is not known
    }
    write_card(plan.folder.path, plan.recipe, read_run(plan.folder.path) or {}, results)
    plan.folder.finish(results)


def _outcome(folder: RunFolder, *, resumed_from: int = 0, already: bool = False) -> Trained:
    losses = folder.losses()
    first, last = (losses[0]["loss"], losses[-1]["loss"]) if losses else (None, None)
    return Trained(folder.path, losses[-1]["step"] if losses else 0, first, last, resumed_from, already)


def _stop_at(weights: Any, stops: list[int]) -> None:
    """Generation ends where the assistant's turns end in the data, whatever the base model's configuration says."""
    known = weights.generation_config.eos_token_id
    known = [] if known is None else known if isinstance(known, list) else [known]
    weights.generation_config.eos_token_id = [*known, *(token for token in stops if token not in known)]


def _bf16(recipe: SftRecipe) -> bool:
    if recipe.bf16 != "auto":
        return recipe.bf16
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())


def _dtype(recipe: SftRecipe) -> str:
    if recipe.dtype != "auto":
        return recipe.dtype
    import torch

    return "bfloat16" if recipe.lora and torch.cuda.is_available() and _bf16(recipe) else "float32"


@contextlib.contextmanager
def _without_pefts_warning() -> Iterator[None]:
    """PEFT asks transformers for something by a name of yesterday; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _is_main() -> bool:
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def _wait_for_all() -> None:
    from accelerate import PartialState

    PartialState().wait_for_everyone()
