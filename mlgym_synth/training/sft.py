"""Supervised fine-tuning on exports, on TRL's SFTTrainer: checked before it starts, and resumed to the same curve.

The command line calls `train`. Conversations are rendered and masked here (`masks`), so that a dry run shows the very
labels that are trained on; the trainer gets them as tokens.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlgym_synth.training import require_extra
from mlgym_synth.training.batches import optimizer_steps, packed
from mlgym_synth.training.card import versions, write_sft_card
from mlgym_synth.training.curve import finite, refuse_broken_weights, refuse_divergence, warmup_steps
from mlgym_synth.training.dataset import Reader
from mlgym_synth.training.errors import RecipeInvalid, TrainingRefused
from mlgym_synth.training.lora import peft_config, save_student
from mlgym_synth.training.masks import keep_template
from mlgym_synth.training.models import (
    Model,
    context_of,
    find_model,
    has_model,
    load_tokenizer,
    load_weights,
    tokenizer_sha256,
)
from mlgym_synth.training.prepare import TrainingData, beyond_context, prepare
from mlgym_synth.training.processes import is_first, refuse_other_world_size, wait_for_all, world_size
from mlgym_synth.training.recipe import SftRecipe
from mlgym_synth.training.run_folder import (
    LOSSES,
    RunFolder,
    mark_whole,
    read_run,
    refuse_foreign_folder,
    remembered_revision,
    seconds_until,
    step_of,
)

_NO_CURVE = ("model", "tokenizer", "description", "keep_checkpoints")
"""Settings that do not change what is learned; model and tokenizer are identified by content instead."""


class ProgressListener(Protocol):
    """Is notified of a training's progress."""

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
    prepared: TrainingData
    folder: RunFolder


def train(data: Sequence[Path], recipe: SftRecipe, out: Path, progress: ProgressListener | None = None) -> Trained:
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
        TrainingDiverged: the loss is no number any more. There is no student.
    """
    require_extra()
    progress = progress or Quiet()
    plan = _checked(data, recipe, out, progress)
    with plan.folder.held() if is_first() else contextlib.nullcontext():
        return _train(plan, progress)


def _train(plan: _Plan, progress: ProgressListener) -> Trained:
    out, recipe, state = plan.folder.path, plan.recipe, plan.folder.state()
    if state == "done" and has_model(out):
        return _outcome(plan.folder, int((read_run(out) or {})["results"]["steps"]), already=True)
    weights = load_weights(
        plan.model, _dtype(recipe), recipe.attention, len(plan.tokenizer)
    )  # the last thing that can be refused
    if state == "new" and is_first():
        plan.folder.begin(_about(plan))
    wait_for_all()
    if is_first():
        plan.folder.discard_partial_checkpoints()
    wait_for_all()
    checkpoint = plan.folder.newest_checkpoint()
    began = time.monotonic() - (seconds_until(checkpoint) if checkpoint else 0.0)  # had it been done in one go
    with _without_pefts_warning():
        trainer = _trainer(plan, weights, progress, began)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        save_student(trainer, recipe.lora, plan.model, _dtype(recipe), plan.tokenizer, out, _stopping(plan))
    steps = int(trainer.state.global_step)
    if is_first():
        _finish(plan, steps, time.monotonic() - began)
    wait_for_all()
    return _outcome(plan.folder, steps, resumed_from=step_of(checkpoint) if checkpoint else 0)


def _checked(data: Sequence[Path], recipe: SftRecipe, out: Path, progress: ProgressListener) -> _Plan:
    if recipe.model is None:
        raise RecipeInvalid("no model: give --model a folder, a name on the Hub, or a .gguf file")
    refuse_other_world_size(recipe.processes)
    refuse_foreign_folder(out)  # before an hour of rendering
    for _ in Reader(data):  # a wrong line is said before a model is looked for on the Hub
        pass
    model = find_model(recipe.model, remembered_revision(out, recipe.model))
    tokenizer = load_tokenizer(recipe.tokenizer or model.name, None if recipe.tokenizer else model.revision)
    prepared = prepare(data, recipe, tokenizer, progress.read)
    if refusals := [*prepared.refusals, *filter(None, [beyond_context(prepared, context_of(model))])]:
        raise TrainingRefused("\n".join(refusals))
    identity = {
        "recipe": recipe.model_dump(mode="json", exclude=set(_NO_CURVE)),
        "model": model.identity,
        "tokenizer_sha256": tokenizer_sha256(tokenizer),
        "data": [source.sha256 for source in prepared.sources],
        "processes": world_size(),
        "dtype": _dtype(recipe),
        "bf16": _bf16(recipe),
    }
    keep_template(tokenizer, prepared.encoder.template)  # checkpoints and student are saved with it
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


def _trainer(plan: _Plan, weights: Any, progress: ProgressListener, began: float) -> Any:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]  # of a library without types
        def create_model_card(self, *_: Any, **__: Any) -> None:
            """TRL would write one at each checkpoint; ours comes in the end."""

    _stopping(plan)(weights)
    rows = packed(plan.prepared, plan.recipe)
    trainer = Trainer(
        model=weights,
        args=_arguments(plan, warmup_steps(optimizer_steps(len(rows), plan.recipe), plan.recipe.warmup)),
        train_dataset=rows,
        processing_class=plan.tokenizer,
        peft_config=peft_config(plan.recipe.lora),
        callbacks=[_watch(plan.folder, progress, began)],
    )
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    return trainer


def _arguments(plan: _Plan, warmup: int) -> Any:
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
        warmup_steps=warmup,
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


def _watch(folder: RunFolder, progress: ProgressListener, began: float) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]  # as above
        """Writes the curve, marks checkpoints that are whole, and reports."""

        last: float | None = None

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" not in (logs or {}):
                return
            if state.is_world_process_zero:
                self.note(state, logs)
            refuse_divergence(state.global_step, logs)

        def note(self, state: Any, logs: Any) -> None:
            self.last = float(logs["loss"])
            told = {key: float(logs[key]) for key in ("loss", "learning_rate", "grad_norm", "epoch") if key in logs}
            with (folder.path / LOSSES).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **finite(told)}) + "\n")

        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            refuse_broken_weights(state.global_step, model)
            if state.is_world_process_zero:
                progress.stepped(state.global_step, state.max_steps, self.last)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            wait_for_all()  # every process writes its random state
            if state.is_world_process_zero:
                mark_whole(folder.path / f"checkpoint-{state.global_step}", time.monotonic() - began)

    return Watch()


def _finish(plan: _Plan, steps: int, seconds: float) -> None:
    losses = plan.folder.losses()
    results = {
        "steps": steps,  # the last ones may have no line in the curve
        "first_loss": losses[0]["loss"] if losses else None,
        "last_loss": losses[-1]["loss"] if losses else None,
        "seconds": round(seconds, 3),  # resumptions included, each from the checkpoint that it went on from
    }
    write_sft_card(plan.folder.path, plan.recipe, read_run(plan.folder.path) or {}, results)
    plan.folder.finish(results)


def _outcome(folder: RunFolder, steps: int, *, resumed_from: int = 0, already: bool = False) -> Trained:
    losses = folder.losses()
    first, last = (losses[0]["loss"], losses[-1]["loss"]) if losses else (None, None)
    return Trained(folder.path, steps, first, last, resumed_from, already)


def _stopping(plan: _Plan) -> Callable[[Any], None]:
    """Generation ends where the assistant's turns end in the data, whatever the base model's configuration says."""

    def change(weights: Any) -> None:
        known = weights.generation_config.eos_token_id
        known = [] if known is None else known if isinstance(known, list) else [known]
        if stops := plan.prepared.stops:
            weights.generation_config.eos_token_id = [*known, *(token for token in stops if token not in known)]

    return change


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
    """Hide a deprecation warning that PEFT triggers in transformers; the user cannot act on it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield
