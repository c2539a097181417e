"""From exports to sequences of tokens: read, rendered, checked and counted before anything is trained."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgym_synth.training.dataset import ExportFile, Reader, Row
from mlgym_synth.training.errors import DataInvalid, TemplateUnusable, TrainingRefused
from mlgym_synth.training.masks import Encoded, Encoder, end_tokens, make_encoder
from mlgym_synth.training.recipe import SftRecipe
from mlgym_synth.trajectories.splits import Splits

_LOOKED_AT_FOR_STOPS = 20  # conversations


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is to learn from.

    Attributes:
        rows: conversations in the files.
        kept: of them trained on.
        tasks: how many different tasks they are of.
        splits: conversations of each split of tasks, as the registry has it; of others, as the row says.
        lengths: tokens of every conversation, before anything is cut.
        overlong: longer than the recipe's max_length.
        tokens, trained: of what is kept: all, and those that the loss is taken of.
        cut: tokens lost by truncation or with dropped conversations.
    """

    rows: int
    kept: int
    tasks: int
    splits: dict[str, int]
    lengths: list[int] = field(repr=False)
    overlong: int
    tokens: int
    trained: int
    cut: int

    def summary(self) -> dict[str, Any]:
        """As JSON, with the distribution of the lengths."""
        ordered = sorted(self.lengths)
        return {
            "rows": self.rows,
            "kept": self.kept,
            "tasks": self.tasks,
            "splits": self.splits,
            "length": {
                "min": ordered[0],
                "median": round(statistics.median(ordered)),
                "p95": ordered[max(0, -(-95 * len(ordered) // 100) - 1)],
                "max": ordered[-1],
                "total": sum(ordered),
            },
            "overlong": self.overlong,
            "cut_tokens": self.cut,
            "tokens": self.tokens,
            "trained_tokens": self.trained,
            "trained_share": self.trained / self.tokens,
        }


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Sequences ready to be trained on, with what they are from and how they were made.

    Attributes:
        sequences: over-long ones are shown truncated even if the recipe refuses them.
        sources, counts, encoder: where they are from, how many, and what rendered them.
        stops: the tokens that end the assistant's turns.
        refusals: why nothing may be trained on them by this recipe; a dry run shows the rest all the same.
    """

    sequences: list[Encoded]
    sources: list[ExportFile]
    counts: Counts
    encoder: Encoder
    stops: list[int]
    refusals: tuple[str, ...] = ()


def prepare(files: Sequence[Path], recipe: SftRecipe, tokenizer: Any, report: Callable[[int], None]) -> TrainingData:
    """Read and render all conversations.

    Args:
        files: exports in TRL's format.
        recipe: says how long a sequence may be, and what becomes of longer ones.
        tokenizer: whose chat template renders them.
        report: called with how many are done.

    Raises:
        TrainingRefused: data that cannot be trained on, a template that cannot render it, nothing that is left.
    """
    reader, encoders = Reader(files), dict[bool, Encoder]()
    kept: list[Encoded] = []
    long: list[tuple[int, str]] = []
    lengths, cut, stops = list[int](), 0, dict[int, None]()
    tasks, splits, known = set[str | None](), Counter[str](), Splits()
    for number, row in enumerate(reader, 1):
        encoded = _encode(row, encoders, tokenizer, recipe)
        lengths.append(len(encoded.ids))
        if number <= _LOOKED_AT_FOR_STOPS:
            stops.update(dict.fromkeys(end_tokens(tokenizer, encoded)))
        tasks.add(row.task_id)
        splits[known.of(row.task_id or "", row.split or "unknown")] += 1
        if len(encoded.ids) > recipe.max_length:
            long.append((len(encoded.ids), row.where))
            encoded = encoded.cut(0 if recipe.overlong == "drop" else recipe.max_length)
            cut += lengths[-1] - len(encoded.ids)
        if any(encoded.mask):
            kept.append(encoded)
        report(number)
    refusals = (*_too_long(long, len(lengths), recipe), *_held_out(splits, recipe))
    if not kept:
        raise TrainingRefused("\n".join(refusals) or _nothing_left(len(lengths), recipe))
    trained = sum(sum(one.mask) for one in kept)
    tokens = sum(len(one.ids) for one in kept)
    counts = Counts(len(lengths), len(kept), len(tasks), dict(splits), lengths, len(long), tokens, trained, cut)
    return TrainingData(kept, reader.sources, counts, encoders[max(encoders)], list(stops), refusals)


def beyond_context(prepared: TrainingData, context: int | None) -> str | None:
    """Why these sequences are too long for a model with such a context; None if they are not."""
    longest = max(len(one.ids) for one in prepared.sequences)
    if context is None or longest <= context:
        return None
    return (
        f"the longest sequence has {longest} tokens, and the model's context is {context} (max_position_embeddings in"
        " its config.json). Export with --truncate, or set max_length, or give a model with a longer one."
    )


def _encode(row: Row, encoders: dict[bool, Encoder], tokenizer: Any, recipe: SftRecipe) -> Encoded:
    with_tools = row.tools is not None or any(
        message["role"] == "tool" or message.get("tool_calls") for message in row.messages
    )
    try:
        if with_tools not in encoders:
            encoders[with_tools] = make_encoder(
                tokenizer, with_tools=with_tools, assistant_only=recipe.assistant_only_loss
            )
        return encoders[with_tools].encode(row.messages, row.tools)
    except TemplateUnusable as error:
        raise TemplateUnusable(f"{row.where}: {error}") from error
    except UnicodeEncodeError as error:
        raise DataInvalid(f"{row.where}: has half of a surrogate pair, which is no text. Replace it.") from error


def _too_long(long: list[tuple[int, str]], rows: int, recipe: SftRecipe) -> list[str]:
    if not long or recipe.overlong != "error":
        return []
    limit, (longest, where) = recipe.max_length, max(long)
    return [
        f"{len(long)} of {rows} conversations are longer than max_length {limit}; the longest has {longest} tokens"
        f" ({where}). Cut whole steps when exporting (export --truncate {limit} --tokenizer T), or cut tokens here"
        " (--truncate), or leave these out (--set overlong=drop)."
    ]


def _held_out(splits: Counter[str], recipe: SftRecipe) -> list[str]:
    if not splits["heldout"] or recipe.allow_heldout:
        return []
    return [
        f"{splits['heldout']} conversations are of held-out tasks, which would tell nothing any more about the"
        " student. Export with --split train, or --set allow_heldout=true."
    ]


def _nothing_left(rows: int, recipe: SftRecipe) -> str:
    if recipe.overlong == "drop":
        return (
            f"nothing is left: all {rows} conversations are longer than max_length {recipe.max_length}, and too long"
            " ones are dropped. Raise it, or cut whole steps when exporting (export --truncate)."
        )
    return (
        f"nothing is left: all {rows} conversations are longer than max_length {recipe.max_length}, and none has a word"
        " of the assistant before. Raise it, or export with --truncate."
    )
