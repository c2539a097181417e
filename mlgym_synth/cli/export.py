"""`mlgym-synth export`: stored trajectories, filtered, in the format that a trainer reads."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mlgym_synth.cli.common import Commands, add_command, add_json, console, errors, finite, print_json

if TYPE_CHECKING:
    from mlgym_synth.trajectories.filters import Best, Removed, TrajectoryFilter
    from mlgym_synth.trajectories.model import Trajectory
    from mlgym_synth.trajectories.tokens import TokenCounter
    from mlgym_synth.trajectories.turns import Form

EXAMPLE = "mlgym-synth export runs/teacher --format trl --out sft.jsonl --successful --max-tokens 48000 --best 4"


AGENTS_OWN = "agent"


class _InOrder(argparse.Action):
    """Keeps filters in the order of the command line."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        namespace.filters = [*namespace.filters, (self.dest, values)]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "export", "Write trajectories in the format that a trainer reads", EXAMPLE)
    command.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="what `rollout --out DIR` wrote")
    command.add_argument(
        "--format",
        choices=("trl", "sharegpt", "traj"),
        required=True,
        help="TRL's messages with tools, ShareGPT conversations, or MLGym's .traj files",
    )
    command.add_argument(
        "--out", type=Path, required=True, help="the file to write, replaced if it is there; a new folder for traj"
    )
    turns = command.add_argument_group("turns")
    turns.add_argument(
        "--text", action="store_true", help="trl: actions as fenced commands instead of tool calls (others always do)"
    )
    turns.add_argument("--reasoning", action="store_true", help="keep what models marked as reasoning")
    turns.add_argument(
        "--system",
        type=Path,
        metavar="FILE",
        help=f"a system turn in front, with the text of FILE; `{AGENTS_OWN}` has what `openai:` agents are told",
    )
    filters = command.add_argument_group(
        "filters", "applied in the order given; failures of infrastructure and of the model's endpoint go first"
    )
    filters.add_argument("--keep-void", action="store_true", help="keep these too")

    def option(name: str, text: str, metavar: str | None = None, **more: Any) -> None:
        shape = more if metavar is None else {"metavar": metavar, **more}
        filters.add_argument(f"--{name}", action=_InOrder, default=argparse.SUPPRESS, help=text, **shape)

    option("successful", "a valid submission was graded at the end", nargs=0)
    option("improved", "better than the baseline on the test half", nargs=0)
    option("min-progress", "progress on the test half; 0 is the baseline, 1 the reference", "P", type=finite)
    option("min-reward", "the episode's return", "R", type=finite)
    option("max-tokens", "no longer than N tokens (the paper's 48000)", "N", type=int)
    option("truncate", "cut to N tokens (the paper's 32000), whole steps only", "N", type=int)
    option("best", "the N of each task with the highest return", "N", type=int)
    option("per-task", "the first N of each task", "N", type=int)
    option("dedupe", "the first of episodes in which the same was done and seen", nargs=0)
    option("split", "tasks of a split", choices=("train", "heldout", "all"))
    option("family", "task families, by name or glob", "GLOB")
    option("agent", "agents, by name or glob", "GLOB")
    filters.add_argument(
        "--tokenizer",
        metavar="NAME",
        help="what counts tokens: a folder, a name on the Hub, or a .gguf file, which needs the extra `train` "
        "(default: an estimate, 4 characters a token)",
    )
    add_json(command)
    command.set_defaults(run=run, filters=[])


def run(arguments: argparse.Namespace) -> int:
    """Write what passes, and say what did not; exit code 1 if nothing is left."""
    from mlgym_synth.trajectories.export import FORMATS
    from mlgym_synth.trajectories.filters import apply
    from mlgym_synth.trajectories.turns import Form

    folders = list(dict.fromkeys(folder.resolve() for folder in arguments.folders))
    if any(arguments.out.resolve().is_relative_to(folder) for folder in folders):
        raise ValueError(f"--out {arguments.out}: lies in a folder that is exported. Give a place outside of it.")
    if arguments.reasoning and arguments.format == "traj":
        raise ValueError("--reasoning: MLGym's .traj has no place for it. Leave it out, or take another --format.")
    in_text = arguments.text or arguments.format != "trl"
    form = Form(in_text, arguments.reasoning, _system(arguments.system, in_text))
    filters = _filters(arguments, form)
    with _watched(folders, filters) as trajectories:
        kept, table = apply(trajectories, filters)
        ends = _Ends(kept)
        written = FORMATS[arguments.format](ends, arguments.out, form)
    if arguments.json:
        lines = [
            {"filter": line.name, "in": line.came, "removed": line.removed, "cut": line.cut, "out": line.left}
            for line in table
        ]
        print_json({"format": arguments.format, "out": str(arguments.out), "written": written, "filters": lines})
    else:
        console.print(_shown(table))
        console.print(f"{written} written: {arguments.out}" if written else "Nothing is left, and nothing was written.")
        if ends.cut:
            console.print(
                f"{ends.cut} of them end before anything is handed in: --truncate keeps the beginning of an episode,"
                " --max-tokens leaves out those that are too long."
            )
    return 0 if written else 1


class _Ends:
    """Passes trajectories on, and counts those whose end was cut off; others may have handed in without `submit`."""

    def __init__(self, trajectories: Iterable[Trajectory]) -> None:
        self._trajectories, self.cut = trajectories, 0

    def __iter__(self) -> Iterator[Trajectory]:
        from mlgym_synth.trajectories.filters import CutTrajectory

        for trajectory in self._trajectories:
            self.cut += isinstance(trajectory, CutTrajectory)
            yield trajectory


def _filters(arguments: argparse.Namespace, form: Form) -> list[TrajectoryFilter | Best]:
    from mlgym_synth.trajectories import filters, tokens

    counts = {"max_tokens": filters.at_most, "truncate": filters.cut_to}
    plain: dict[str, Callable[[Any], TrajectoryFilter | Best]] = {
        "successful": lambda _: filters.successful(),
        "improved": lambda _: filters.improved(),
        "min_progress": filters.progress_at_least,
        "min_reward": filters.reward_at_least,
        "best": filters.best_of_task,
        "per_task": filters.first_of_task,
        "dedupe": lambda _: filters.distinct(),
        "split": filters.of_split,
        "family": filters.of_family,
        "agent": filters.by_agent,
    }
    asked = [(name, value) for name, value in arguments.filters if (name, value) != ("split", "all")]
    counter: TokenCounter | None = None
    if any(name in counts for name, _ in asked):
        counter = _counter(arguments.tokenizer, form) if arguments.tokenizer else tokens.estimate(form)
    elif arguments.tokenizer:
        raise ValueError("--tokenizer: nothing counts tokens. Give --max-tokens or --truncate with it.")
    made: list[TrajectoryFilter | Best] = [] if arguments.keep_void else [filters.not_void()]
    if arguments.format != "traj":
        made.append(filters.with_steps())
    for name, value in asked:
        made.append(counts[name](value, counter) if counter and name in counts else plain[name](value))
    return made


def _counter(name: str, form: Form) -> TokenCounter:
    from mlgym_synth.trajectories import tokens

    if not name.endswith(".gguf"):
        return tokens.by_tokenizer(name, form)
    from mlgym_synth.training import require_extra
    from mlgym_synth.training.gguf import tokenizer_of

    require_extra()  # before the file is opened: what reads it comes with the extra
    return tokens.by_loaded(tokenizer_of(Path(name).expanduser()), name, form)


def _system(file: Path | None, in_text: bool) -> str | None:
    if file is not None and str(file) == AGENTS_OWN:
        from mlgym_synth.llm.acting import system_prompt

        return system_prompt(in_text)
    try:
        return None if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--system {file}: {error}") from error


def _shown(table: Sequence[Removed]) -> Table:
    shown = Table("filter")
    for name in ("in", "removed", "cut", "out"):
        shown.add_column(name, justify="right")
    for line in table:
        cut = "" if line.cut is None else f"{line.cut:,}"
        shown.add_row(line.name, f"{line.came:,}", f"{line.removed:,}", cut, f"{line.left:,}")
    return shown


@contextlib.contextmanager
def _watched(folders: Sequence[Path], filters: Sequence[TrajectoryFilter | Best]) -> Iterator[Iterable[Trajectory]]:
    """What the folders hold, with a bar on a terminal that moves as it is read."""
    from mlgym_synth.trajectories.filters import Best, Stores
    from mlgym_synth.trajectories.store import read_summaries

    stores = Stores(folders)
    if not errors.is_terminal:
        yield stores
        return
    readings = 1 + sum(isinstance(each, Best) for each in filters)
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=readings * sum(len(read_summaries(folder)) for folder in folders))

        class Watched:
            def __iter__(self) -> Iterator[Trajectory]:
                for trajectory in stores:
                    bar.advance(task)
                    yield trajectory

        yield Watched()
