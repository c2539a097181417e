"""GRPO (Shao et al. 2024, arXiv 2402.03300) on the tasks themselves, through TRL's environment integration.

`mlgym-synth train grpo` and `benchmarks/grpo_smoke.py` call `train_grpo`. The env is the one that everything else
plays; an episode's reward is its return, and one that infrastructure cut short has none.
"""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlgym_synth import registry
from mlgym_synth.errors import RolloutStopped, TaskNotFound
from mlgym_synth.llm.acting import system_prompt
from mlgym_synth.sandbox import choose_backend
from mlgym_synth.training import require_extra
from mlgym_synth.training.card import versions, write_grpo_card
from mlgym_synth.training.curve import warmup_steps
from mlgym_synth.training.errors import ExtraMissing, OutUnusable, RecipeInvalid, TemplateUnusable
from mlgym_synth.training.grpo_env import Players
from mlgym_synth.training.grpo_recipe import GrpoRecipe, load_grpo_recipe, shipped_grpo
from mlgym_synth.training.grpo_watch import telling_divergence, watch
from mlgym_synth.training.lora import peft_config, save_student
from mlgym_synth.training.masks import keep_template
from mlgym_synth.training.models import Model, find_model, has_model, load_tokenizer, load_weights, tokenizer_sha256
from mlgym_synth.training.processes import first_fault, is_first, refuse_other_world_size, wait_for_all, world_size
from mlgym_synth.training.run_folder import LOSSES, RunFolder, read_run, remembered_revision, seconds_until, step_of

__all__ = ["EPISODES", "GrpoRecipe", "GrpoResult", "load_grpo_recipe", "shipped_grpo", "train_grpo"]
EPISODES = "episodes.jsonl"
"""A line for each episode of a training: optimizer step, task, seed, return, exit status, steps, fault."""
_NO_CURVE = {"description", "steps", "model", "tokenizer", "processes", "log_steps", "save_steps"}
"""Settings that do not change what is learned, or that are told by content, or apart."""


@dataclass(frozen=True, slots=True)
class GrpoResult:
    """What a training came to.

    Attributes:
        out: where the model is.
        steps: optimizer steps in all.
        seconds: of training, resumptions included, each from the checkpoint that it went on from.
        rewards: mean reward of each logged step that had one.
        resumed_from: the step of the checkpoint that it went on from, 0 if none.
        already: so many steps were made before, and nothing was done.
    """

    out: Path
    steps: int
    seconds: float
    rewards: list[float]
    resumed_from: int = 0
    already: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that was checked before the weights are read."""

    recipe: GrpoRecipe
    model: Model
    tokenizer: Any
    entries: Sequence[registry.TaskEntry]
    folder: RunFolder


def train_grpo(tasks: Sequence[str], recipe: GrpoRecipe, out: Path, sandbox: str = "auto") -> GrpoResult:
    """Train `recipe.model` by GRPO on the tasks that match, in real sandboxes; run again, it resumes.

    With a constant schedule it also adds steps, if asked for more. Everything is checked before weights are loaded. TRL
    calls the tools of a batch's episodes one after the other.

    Args:
        tasks: ids or globs; of them those of the train split, unless the recipe allows others.
        recipe: see `GrpoRecipe`.
        out: the folder for model, checkpoints, `training.json` and `episodes.jsonl`; adapters are in its `adapter`.
        sandbox: as for `SynthEnv`.

    Raises:
        TrainingRefused: packages, recipe, template, model or folder will not do; the message says what to do.
        TaskNotFound: no task matches.
        SandboxUnavailable: no sandbox can be had here.
        RolloutStopped: one episode after the other was cut short; the last checkpoint is kept.
        TrainingDiverged: the loss is no number any more. There is no student.
    """
    plan = _checked(tasks, recipe, out, sandbox)
    players = Players(
        {"max_steps": recipe.max_steps, "limits": recipe.limits or None, "sandbox": sandbox}, out / EPISODES
    )
    with plan.folder.held() if is_first() else contextlib.nullcontext(), contextlib.closing(players):
        return _train(plan, players)


def _checked(tasks: Sequence[str], recipe: GrpoRecipe, out: Path, sandbox: str) -> _Plan:
    _require_packages(recipe)
    if recipe.model is None:
        raise RecipeInvalid("model: give a folder, a name on the Hub, or a .gguf file")
    refuse_other_world_size(recipe.processes)
    entries = _entries(tasks, recipe)
    choose_backend(sandbox)
    model = find_model(recipe.model, remembered_revision(out, recipe.model))
    tokenizer = checked_tokenizer(recipe.tokenizer or recipe.model, None if recipe.tokenizer else model.revision)
    folder = RunFolder(out, {
        "grpo": recipe.model_dump(mode="json", exclude=_NO_CURVE),
        "model": model.identity,
        "tokenizer_sha256": tokenizer_sha256(tokenizer),
        "tasks": {entry.id: entry.sha256 for entry in entries},
        "processes": world_size(),
    }, (LOSSES, EPISODES))  # fmt: skip
    folder.state()  # something else is there: say so before weights are read
    return _Plan(recipe, model, tokenizer, entries, folder)


def _train(plan: _Plan, players: Players) -> GrpoResult:
    recipe, folder, out = plan.recipe, plan.folder, plan.folder.path
    done = (read_run(out) or {}).get("results") if folder.state() == "done" else None
    _refuse_other_rates(recipe, folder)
    if done and done["steps"] >= recipe.steps and has_model(out):
        return GrpoResult(out, int(done["steps"]), float(done["seconds"]), _rewards(folder), already=True)
    weights = load_weights(plan.model, recipe.dtype, None, len(plan.tokenizer))  # the last thing that can be refused
    wait_for_all()  # before the first process changes what the others have just read
    if is_first():
        folder.discard_partial_checkpoints()
        folder.begin(_about(plan))
    wait_for_all()
    resume = folder.newest_checkpoint()
    began = time.monotonic() - (seconds_until(resume) if resume else 0.0)  # had it been done in one go
    with _fewer_warnings(), telling_divergence():
        trainer = _trainer(plan, weights, players, began)
        keep_template(plan.tokenizer, trainer.chat_template or plan.tokenizer.chat_template)  # TRL has its own of some
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        save_student(trainer, recipe.lora, plan.model, recipe.dtype, plan.tokenizer, out)
    steps, seconds, rewards = int(trainer.state.global_step), round(time.monotonic() - began, 1), _rewards(folder)
    if is_first():
        results = {"steps": steps, "seconds": seconds, "rewards": rewards}
        write_grpo_card(out, recipe, read_run(out) or {}, results)
        folder.finish(results)
    wait_for_all()
    return GrpoResult(out, steps, seconds, rewards, step_of(resume) if resume else 0)


def _refuse_other_rates(recipe: GrpoRecipe, folder: RunFolder) -> None:
    """Steps can be added only where those that were made had the rates that they would have had anyway."""
    if recipe.grows or folder.state() == "new":
        return
    begun = (read_run(folder.path) or {}).get("steps")
    if begun != recipe.steps and (folder.state() == "done" or folder.newest_checkpoint() is not None):
        raise OutUnusable(
            f"--out {folder.path}: was begun with {begun} steps, which cannot be {recipe.steps} now: with"
            f" schedule={recipe.schedule} the learning rate depends on the number of steps. Train with --steps {begun},"
            " or into a new folder; with schedule=constant from the start, steps can be added."
        )


def _about(plan: _Plan) -> dict[str, Any]:
    return {
        "base_model": plan.model.asked,
        "steps": plan.recipe.steps,
        "recipe_sha256": plan.recipe.sha256(),
        "recipe": plan.recipe.model_dump(mode="json"),
        "versions": versions(),
    }


def checked_tokenizer(asked: str, revision: str | None = None) -> Any:
    """A tokenizer whose chat template can say tool calls, and whose answers TRL can read.

    Raises:
        ModelUnusable: there is none.
        TemplateUnusable: it cannot; says what to take instead.
    """
    tokenizer = load_tokenizer(asked, revision)
    from trl.chat_template_utils import add_response_schema, supports_tool_calling

    if not supports_tool_calling(tokenizer):
        raise TemplateUnusable(
            f"tokenizer {asked}: its chat template has no tool calls or drops them. Give --tokenizer with one that has"
            " them, for example Qwen/Qwen3-4B."
        )
    if getattr(tokenizer, "response_template", None) is None and getattr(tokenizer, "response_schema", None) is None:
        try:
            add_response_schema(tokenizer)
        except ValueError as error:
            raise TemplateUnusable(
                f"tokenizer {asked}: TRL does not know how to read tool calls in this template's answers. Set"
                " `response_template` in its tokenizer_config.json, or use the chat template of a Qwen3 model."
            ) from error
    return tokenizer


def _require_packages(recipe: GrpoRecipe) -> None:
    require_extra(("accelerate", "datasets", "torch", "transformers", "trl", *(("peft",) if recipe.lora else ())))
    if recipe.vllm is not None and find_spec("vllm") is None:
        raise ExtraMissing("vllm: this recipe generates with it: pip install vllm, or --set vllm=null without it")


def _rewards(folder: RunFolder) -> list[float]:
    return [line["reward"] for line in folder.losses() if line.get("reward") is not None]


def _entries(tasks: Sequence[str], recipe: GrpoRecipe) -> list[registry.TaskEntry]:
    entries = registry.select(tasks, split="all" if recipe.allow_heldout else "train")
    if not entries:
        raise TaskNotFound(
            f"No task of the train split matches {' '.join(tasks)}. Held-out tasks are for evaluation; the recipe's"
            " allow_heldout trains on them."
        )
    return entries


def rows(entries: Sequence[registry.TaskEntry], recipe: GrpoRecipe) -> list[dict[str, Any]]:
    """What the trainer goes through in this order: a task and a seed for each group of episodes."""
    prompt = [
        {"role": "system", "content": system_prompt(in_text=False)},
        {"role": "user", "content": ""},
    ]  # `reset` adds the statement
    rng, found = random.Random(recipe.seed), list[dict[str, Any]]()
    groups = recipe.steps * recipe.episodes * recipe.accumulation * world_size()
    while len(found) < groups:
        for entry in rng.sample(list(entries), len(entries)):
            found.append({"prompt": prompt, "task": entry.address, "seed": rng.randrange(2**31)})
    return found[:groups]


def _trainer(plan: _Plan, weights: Any, players: Players, began: float) -> Any:
    """TRL's trainer, with the environments made by `players`."""
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils import logging
    from trl import GRPOTrainer

    class Trainer(GRPOTrainer):  # type: ignore[misc]  # of a library without types
        def create_model_card(self, *_: Any, **__: Any) -> None:
            """Nothing: TRL's card speaks of its authors."""

        def _calculate_rewards(self, *given: Any, **named: Any) -> Any:
            """TRL's, which gathers all processes' rewards; only then may one of them end training, and all do."""
            players.step = self.state.global_step + 1
            rewards = super()._calculate_rewards(*given, **named)
            if (stopped := first_fault(players.stopped)) is not None:
                raise RolloutStopped(stopped)
            return rewards

    logging.disable_progress_bar()
    if plan.model.revision is not None and plan.recipe.lora is None:
        # TRL loads the untrained model of the KL term by this name, and without a revision.
        weights.config.name_or_path = weights.name_or_path = _snapshot(plan.model)
    trainer = Trainer(
        model=weights,
        args=_arguments(plan.recipe, plan.folder.path),
        train_dataset=Dataset.from_list(rows(plan.entries, plan.recipe)),
        processing_class=plan.tokenizer,
        peft_config=peft_config(plan.recipe.lora),
        environment_factory=players,
        callbacks=[watch(began)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _snapshot(model: Model) -> str:
    """The folder, in the Hub's cache, of the commit that the weights were loaded from."""
    from transformers.utils import cached_file

    return str(Path(cached_file(model.name, "config.json", revision=model.revision)).parent)


@contextlib.contextmanager
def _fewer_warnings() -> Iterator[None]:
    """Hide TRL's warning that its integration is experimental, and deprecations that TRL and PEFT trigger."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are using 'environment_factory'", UserWarning)
        warnings.filterwarnings("ignore", r"`(is_)?gradient_checkpointing\w*` is deprecated", FutureWarning)
        yield


def _arguments(recipe: GrpoRecipe, out: Path) -> Any:
    import torch
    from trl import GRPOConfig

    vllm = {} if recipe.vllm is None else {
        "use_vllm": True, "vllm_mode": recipe.vllm, "vllm_gpu_memory_utilization": recipe.vllm_memory,
        "vllm_max_model_length": recipe.vllm_context,
    }  # fmt: skip
    return GRPOConfig(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.generations * recipe.episodes,
        gradient_accumulation_steps=recipe.accumulation,
        num_generations=recipe.generations,
        max_completion_length=recipe.max_completion_length,
        max_tool_calling_iterations=recipe.max_tool_calls,
        temperature=recipe.temperature,
        beta=recipe.beta,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=warmup_steps(recipe.steps, recipe.warmup),
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        activation_checkpointing=recipe.gradient_checkpointing,
        logging_steps=recipe.log_steps,
        logging_nan_inf_filter=False,  # a loss that is not finite is to be seen
        save_steps=recipe.save_steps,
        save_total_limit=2,
        shuffle_dataset=False,  # `rows` has shuffled
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        **vllm,
    )
