"""What a recipe would do with some data: tokens, what is cut, what is learned, how many steps. It needs no weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlgym_synth.training import require_extra
from mlgym_synth.training.batches import optimizer_steps, packed, steps_per_epoch
from mlgym_synth.training.models import Model, context_of, load_tokenizer, tokenizer_sha256
from mlgym_synth.training.prepare import TrainingData, beyond_context, prepare
from mlgym_synth.training.recipe import SftRecipe
from mlgym_synth.training.run_folder import refuse_foreign_folder

Stretches = list[tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What was found.

    Attributes:
        prepared: the data as it would be trained on.
        sequences: after packing.
        steps_per_epoch, steps: of the optimizer, for the processes that the recipe or the launcher names.
        examples: some conversations as stretches of text and whether they are trained on.
        tokenizer_sha256: of vocabulary and chat template.
    """

    prepared: TrainingData
    sequences: int
    steps_per_epoch: int
    steps: int
    examples: list[Stretches]
    tokenizer_sha256: str

    def summary(self) -> dict[str, Any]:
        """As JSON, without the examples."""
        return {
            **self.prepared.counts.summary(),
            "masks": self.prepared.encoder.how,
            "notes": [*self.prepared.encoder.notes, *(f"refused: {said}" for said in self.prepared.refusals)],
            "sequences": self.sequences,
            "steps_per_epoch": self.steps_per_epoch,
            "steps": self.steps,
            "data": [
                {"file": str(source.file), "sha256": source.sha256, "rows": source.rows}
                for source in self.prepared.sources
            ],
            "tokenizer_sha256": self.tokenizer_sha256,
        }


def dry_run(
    data: Sequence[Path],
    recipe: SftRecipe,
    report: Callable[[int], None] = lambda done: None,
    examples: int = 3,
    out: Path | None = None,
) -> DryRun:
    """Check data, tokenizer and template against a recipe.

    Args:
        data: exports in TRL's format.
        recipe: with a tokenizer, or a model to take it from.
        report: called with the number of conversations that were read.
        examples: how many conversations to show, spread over the data.
        out: where it would be trained; None does not look.

    Raises:
        TrainingRefused: data, tokenizer, template or folder are such that nothing can be shown. What else would stop
            the training is in `prepared.refusals`, and among the notes.
    """
    require_extra()
    if out is not None:
        refuse_foreign_folder(out)
    tokenizer = load_tokenizer(recipe.tokenizer or recipe.model or "")
    prepared = _with_context(prepare(data, recipe, tokenizer, report), recipe)
    rows = packed(prepared, recipe)
    an_epoch = steps_per_epoch(len(rows), recipe)
    steps = optimizer_steps(len(rows), recipe)
    count = min(examples, len(prepared.sequences))
    chosen = [prepared.sequences[number * len(prepared.sequences) // count] for number in range(count)]
    shown = [[(trained, tokenizer.decode(ids)) for trained, ids in one.stretches()] for one in chosen]
    return DryRun(prepared, len(rows), an_epoch, steps, shown, tokenizer_sha256(tokenizer))


def _with_context(prepared: TrainingData, recipe: SftRecipe) -> TrainingData:
    """Where the model's folder is here; weights need not be in it."""
    if recipe.model is None or not (Path(recipe.model).expanduser() / "config.json").is_file():
        return prepared
    folder = str(Path(recipe.model).expanduser())
    said = beyond_context(prepared, context_of(Model(folder, folder, {})))
    return replace(prepared, refusals=(*prepared.refusals, said)) if said else prepared
