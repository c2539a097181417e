"""The loop, end to end, at a size that two cores can do: is a student better for what a teacher has shown it?

    pip install sentencepiece   # llama.cpp's script wants it
    python benchmarks/student/experiment.py --work runs/student --base SmolLM2-135M-Instruct.gguf
        --convert llama.cpp/convert_hf_to_gguf.py [--llama-server PROGRAM] [--mlgym-root MLGym]

Three models of the same make are compared on tasks that none has seen, with the same seeds and the same budget: `base`
is untrained; `sft` was trained on `scripted:brief`, a teacher that improves on the baseline; `control` on as many
episodes of the same tasks in the same form, in which `scripted:brief-baseline` hands in the baseline, so that learning
the form is told apart from learning to improve. An `--ablation` is one more student of the same teacher, in as many
steps: on `half` of the tasks, on a third of the `families`, or on `unfiltered` episodes. Every stage is commands of
`mlgym-synth`, is printed before it runs, and goes on where it was; `--stage` runs one of them. Tasks are taken in the
order of a hash of their ids, so that more of them hold fewer, whatever else is held out. The last stage writes
`results/student.json`, and the scores that its figures are of into `results/student/`.

The program that serves the models, and the script that makes GGUF files, come with llama.cpp.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from common import RESULTS, write  # noqa: E402
from figures import count_lines, keep_tasks, read_benchmark, tasks_of, trained_on  # noqa: E402
from served import URL, add_arguments, alias_of, end_on_signals, served, server_of  # noqa: E402

from mlgym_synth import registry  # noqa: E402
from mlgym_synth.training.models import find_model  # noqa: E402
from mlgym_synth.training.recipe import load_recipe  # noqa: E402
from mlgym_synth.training.run_folder import read_run  # noqa: E402

STAGES = ("teach", "export", "train", "quantize", "heldout", "mlgym", "result")
TEACHERS = {"sft": "scripted:brief", "control": "scripted:brief-baseline"}
ABLATIONS = ("half", "families", "unfiltered")
REFERENCES = ("scripted:baseline", "scripted:brief")
CONTEXT, ANSWER, STEPS, TEMPERATURE = 8192, 448, 6, 0.2
RECIPE, BATCH, SEED = "smollm2-135m", 4, 0
STOPPED_FROM_WITHOUT = (3, 130)  # exit codes of `mlgym-synth`: infrastructure, Ctrl-C
AGAIN, WHY = "; run this again to go on", ": the command's own words above tell why"


class Experiment:
    """Where everything lies, and the stages."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.given = arguments
        self.students = (*TEACHERS, *(name for name in ABLATIONS if name in arguments.ablation))
        self.work: Path = arguments.work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)

    def teach(self) -> None:
        """Episodes of both teachers on the same train tasks, with the budget that the students will have."""
        for teacher, agent in TEACHERS.items():
            once = ["--episodes-per-task", "1", "--seed", SEED, "--max-steps", STEPS, "--sandbox", "bwrap"]
            out = ["--out", self.work / f"teacher-{teacher}"]
            # 1 says that an agent failed: such an episode is stored as done, so playing again would not help.
            self.cli("rollout", "--agent", agent, "--tasks", *self.taught(), *once, *out, fine=(0, 1))
        self.note("teach", "tasks")

    def export(self) -> None:
        """What a student can learn from: short enough and, of the teacher, better than the baseline."""
        for student in self.students:
            teacher = "control" if student == "control" else "sft"
            good = {"unfiltered": [], "control": ["--successful"]}.get(student, ["--successful", "--improved"])
            filters = ["--split", "train", *good, "--max-tokens", self.given.most_tokens, "--tokenizer", self.base()]
            form = ["--format", "trl", "--text", "--system", "agent", "--out", self.data(student)]
            self.cli("export", self.work / f"teacher-{teacher}", *form, *filters)
            keep_tasks(self.data(student), self.lessons(student))
        self.note("export", "tasks", "most_tokens")

    def train(self) -> None:
        """All students, from the same weights, with the same recipe, in as many steps."""
        steps = self.given.steps or round(count_lines(self.data("sft")) / BATCH)
        exported: int = self.kept("arguments").get("export", {}).get("most_tokens", self.given.most_tokens)
        longer = [f"max_length={exported}"] if exported > load_recipe(RECIPE).max_length else []
        for student in self.students:
            settings = [f"max_steps={steps}", f"accumulation={BATCH}", f"bf16={str(self.given.bf16).lower()}", *longer]
            recipe = ["--recipe", RECIPE, *(part for one in settings for part in ("--set", one))]
            data = ["--data", self.data(student), "--model", self.base()]
            self.cli("train", "sft", *recipe, *data, "--out", self.work / f"model-{student}")
        self.note("train", "steps", "bf16", "ablation")

    def quantize(self) -> None:
        """All of them as GGUF files of the same type, so that they are served alike."""
        for file, folder in self.files(self.students).values():
            if not file.exists():
                scratch = file.with_suffix(".tmp")
                self.run(sys.executable, self.given.convert, folder, "--outtype", "q8_0", "--outfile", scratch)
                scratch.replace(file)

    def heldout(self) -> None:
        """The benchmark on held-out tasks."""
        suite = self.work / "heldout.txt"
        suite.write_text("".join(f"{task}\n" for task in chosen("heldout", self.given.heldout_tasks)))
        self.benchmark("heldout", suite, [])
        self.note("heldout", "heldout_tasks", "runs", "at_once", "threads")

    def mlgym(self) -> None:
        """The same on the tasks of MLGym that run here."""
        if self.given.mlgym_root:
            self.benchmark("mlgym", "mlgym", ["--mlgym-root", self.given.mlgym_root])
            self.note("mlgym", "runs", "at_once", "threads")

    def benchmark(self, name: str, suite: str | Path, more: list[Any]) -> None:
        """Models and references on a suite, same seeds, same steps."""
        models = self.files(self.students)
        agents = [*(f"openai:{alias_of(file)}" for file, _ in models.values()), *REFERENCES]
        named = [part for agent in agents for part in ("--agent", agent)]
        budget: list[Any] = ["--runs", self.given.runs, "--max-steps", STEPS, "--max-tokens", ANSWER, "--seed", SEED]
        model: list[Any] = ["--base-url", URL, "--tool-mode", "text", "--temperature", TEMPERATURE, "--timeout", "900"]
        model += ["--context-tokens", CONTEXT - ANSWER - 200]
        server = server_of(self.given)
        out: list[Any] = ["--sandbox", "bwrap", "--slots", server.at_once, "--out", self.work / f"bench-{name}"]
        with served([file for file, _ in models.values()], CONTEXT, server):
            # 1 says that something in it failed, an agent or a config of MLGym's: playing it again would not help.
            self.cli("benchmark", "--suite", suite, *more, *named, *budget, *model, *out, fine=(0, 1))

    def result(self) -> None:
        """`results/student.json`: the figures, and what they can be checked by."""
        runs = {student: read_run(self.work / f"model-{student}") or {} for student in self.students}
        runs = {student: run for student, run in runs.items() if run.get("done")}
        if "sft" not in runs:
            raise SystemExit("no student is trained yet: run the stages before")
        files = self.files(runs)
        agents = {model: f"openai:{alias_of(file)}" for model, (file, _) in files.items()}
        found: dict[str, Any] = {}
        for suite in ("heldout", "mlgym"):
            bench = self.work / f"bench-{suite}"
            found[suite] = read_benchmark(bench, {**dict.fromkeys(self.students, ""), **agents}, REFERENCES)
            if (bench / "scores.json").exists():
                (RESULTS / "student").mkdir(parents=True, exist_ok=True)
                shutil.copyfile(bench / "scores.json", RESULTS / "student" / f"{suite}.scores.json")
        found |= {"model": self.given.base.name, "gguf_sha256": sha256_of(self.given.base), "teachers": TEACHERS}
        found |= {"agents": agents, **trained_on(runs), "episodes_a_step": BATCH}
        found["weights"] = {model: find_model(str(folder)).identity["sha256"] for model, (_, folder) in files.items()}
        found["arguments"] = self.arguments()
        found["lessons"] = {student: tasks_of(self.data(student)) for student in runs if self.data(student).exists()}
        heldout = [row["task"] for row in found["heldout"].get("by_task", [])]
        found["shared_datasets"] = shared_datasets(found["lessons"], heldout)
        found["stage_seconds"] = self.seconds()
        write("student", found)

    def note(self, stage: str, *names: str) -> None:
        """Keep what a stage was asked for that has ended well: `result` may be called with anything else."""
        self.keep("arguments", {**self.kept("arguments"), stage: {name: getattr(self.given, name) for name in names}})

    def arguments(self) -> dict[str, Any]:
        """All that decided on the figures, by stage, but no paths."""
        fixed = {"seed": SEED, "max_steps": STEPS, "answer_tokens": ANSWER, "context": CONTEXT}
        return {**self.kept("arguments"), **fixed, "temperature": TEMPERATURE}

    def play(self, stage: str) -> None:
        """A stage, and how long it took: of all calls together, those that failed among them."""
        began = time.monotonic()
        try:
            getattr(self, stage)()
        finally:
            seconds = self.seconds()
            seconds[stage] = round(seconds.get(stage, 0.0) + time.monotonic() - began, 1)
            self.keep("seconds", seconds)

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds so far."""
        return self.kept("seconds")

    def keep(self, name: str, told: dict[str, Any]) -> None:
        """Write a file of the experiment's own, whole or not at all."""
        scratch = self.work / f"{name}.tmp"
        scratch.write_text(json.dumps(told))
        scratch.replace(self.work / f"{name}.json")

    def kept(self, name: str) -> dict[str, Any]:
        """What was written there."""
        file = self.work / f"{name}.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def taught(self) -> list[str]:
        """The tasks that the teachers play."""
        return chosen("train", self.given.tasks)

    def lessons(self, student: str) -> set[str]:
        """The tasks that a student may learn from: of some, a part of those that `sft` does learn from."""
        if student in ("sft", "unfiltered"):
            return set(self.taught())
        tasks = tasks_of(self.data("sft"))
        if student == "control":
            return set(tasks)
        return half_of(tasks) if student == "half" else third_of_families(tasks)

    def base(self) -> str:
        """The folder of the base model, made from its GGUF file once."""
        return find_model(str(self.given.base)).name

    def data(self, student: str) -> Path:
        """The export that a student is trained on."""
        return self.work / f"{student}.jsonl"

    def files(self, students: Iterable[str]) -> dict[str, tuple[Path, Path]]:
        """Model -> the file that is served, which names its weights, and the folder that it is made from."""
        folders = {"base": Path(self.base()), **{student: self.work / f"model-{student}" for student in students}}
        found = {}
        for model, folder in folders.items():
            weights = find_model(str(folder)).identity["sha256"]
            told_by = "".join(weights[name] for name in sorted(weights) if name.endswith(".safetensors"))
            found[model] = (self.work / f"{model}-{told_by[:8]}.gguf", folder)
        return found

    def cli(self, *command: Any, fine: tuple[int, ...] = (0,)) -> None:
        """A command of the package."""
        self.run(sys.executable, "-m", "mlgym_synth.cli", *command, fine=fine)

    def run(self, *command: Any, fine: tuple[int, ...] = (0,)) -> None:
        """A command, shown as it is; one that fails ends the experiment, with what can be done about it."""
        words = [str(word) for word in command]
        print("$", shlex.join(words), flush=True)
        code = subprocess.run(words, cwd=HERE, check=False, env={**os.environ, "OPENAI_API_KEY": "none"}).returncode
        if code not in fine:
            raise SystemExit(f"exit code {code}{AGAIN if code in STOPPED_FROM_WITHOUT else WHY}")


def by_lot(names: Iterable[str]) -> list[str]:
    """In an order that no other name changes: the first so many stay, whether more are asked for or some are gone."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def chosen(split: str, most: int) -> list[str]:
    """Tasks of a split, by lot."""
    return sorted(by_lot(entry.id for entry in registry.select(split=split))[:most])


def half_of(tasks: list[str]) -> set[str]:
    """Half of the tasks, by lot."""
    return set(by_lot(tasks)[: len(tasks) // 2])


def third_of_families(tasks: list[str]) -> set[str]:
    """The tasks of a third of their families, by lot."""
    families = by_lot({registry.find(task).family for task in tasks})
    kept = families[: max(1, len(families) // 3)]
    return {task for task in tasks if registry.find(task).family in kept}


def shared_datasets(lessons: Mapping[str, Iterable[str]], heldout: Iterable[str]) -> list[str]:
    """Data sets of both: none by the splits of one version, but those may move between lessons and benchmark."""
    return sorted(datasets_of(itertools.chain(*lessons.values())) & datasets_of(heldout))


def datasets_of(tasks: Iterable[str]) -> set[str]:
    """Their data sets as the registry has them now; those of tasks that it has no more are unknown."""
    known = set(tasks)
    return {entry.dataset for entry in registry.select() if entry.id in known}


def sha256_of(file: Path) -> str:
    """Of its content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def resolved(text: str) -> Path:
    """Commands run in another folder than this one was called in."""
    return Path(text).expanduser().resolve()


def main() -> None:
    """All stages, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=resolved)
    parser.add_argument("--base", required=True, help="GGUF file of the model to train", type=resolved)
    parser.add_argument("--convert", required=True, help="llama.cpp's convert_hf_to_gguf.py", type=resolved)
    parser.add_argument("--mlgym-root", type=resolved)
    parser.add_argument("--tasks", type=int, default=10**6, help="train tasks that the teachers play")
    parser.add_argument("--heldout-tasks", type=int, default=10**6, help="held-out tasks that the models play")
    parser.add_argument("--most-tokens", type=int, default=2048, help="of an episode that is trained on")
    parser.add_argument("--steps", type=int, help=f"of {BATCH} episodes (default: one pass)")
    parser.add_argument("--bf16", action="store_true", help="mixed precision: faster where the CPU has it")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--ablation", choices=ABLATIONS, action="append", default=[], help="one more student")
    parser.add_argument("--stage", choices=STAGES, action="append")
    add_arguments(parser)
    arguments = parser.parse_args()
    end_on_signals()
    experiment = Experiment(arguments)
    for stage in arguments.stage or STAGES:
        experiment.play(stage)
        print(f"{stage}: {experiment.seconds()[stage] / 60:.1f} min in all", flush=True)


if __name__ == "__main__":
    main()
