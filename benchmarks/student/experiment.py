"""The loop, end to end, at a size that two cores can do: is a student better for what a teacher has shown it?

    python benchmarks/student/experiment.py --work runs/student --base SmolLM2-135M-Instruct.gguf --llama PYTHON
        --convert llama.cpp/convert_hf_to_gguf.py [--mlgym-root MLGym]

Three models of the same make are compared on tasks that none has seen, with the same seeds and the same budget: `base`
is untrained, `control` was trained on `scripted:baseline` (it learns the form of an episode, and to hand in the
baseline), `sft` on `brief:make`, a teacher that improves on the baseline. Every stage is commands of
`mlgym-synth`, is printed before it runs, and goes on where it was; `--stage` runs one of them. The last stage writes
`results/student.json`.

PYTHON is one with llama-cpp-python, which serves the models; the script that makes GGUF files comes with llama.cpp.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from common import write  # noqa: E402

STAGES = ("teach", "export", "train", "quantize", "heldout", "mlgym", "result")
STUDENTS = {"control": "scripted:baseline", "sft": "brief:make"}
MODELS = ("base", *STUDENTS)
REFERENCES = ("scripted:baseline", "brief:make")
PORT = 8972
CONTEXT, ANSWER, STEPS = 4096, 640, 8
MOST_TOKENS = 2048


class Experiment:
    """Where everything lies, and the stages."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.given = arguments
        self.work: Path = arguments.work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)

    def teach(self) -> None:
        """Episodes of the teacher and of the baseline on train tasks, as many of each."""
        for student, agent in STUDENTS.items():
            limits = ["--tool-seconds", "30", "--episode-seconds", "60", "--sandbox", "bwrap"]
            many = ["--tasks", "synth/*", "--split", "train", "--episodes-per-task", "1"]
            self.cli("rollout", "--agent", agent, *many, *limits, "--out", self.work / f"teacher-{student}")

    def export(self) -> None:
        """What a student can learn from: valid, short enough and, of the teacher, better than the baseline."""
        for student in STUDENTS:
            source, file = self.work / f"teacher-{student}", self.work / f"{student}.jsonl"
            filters: list[Any] = ["--successful", *(["--improved"] if student == "sft" else [])]
            filters += ["--max-tokens", MOST_TOKENS, "--tokenizer", self.base()]
            self.cli("export", source, "--format", "trl", "--text", "--system", "agent", "--out", file, *filters)

    def train(self) -> None:
        """Both students, from the same weights, with the same recipe and as many steps."""
        rows = {student: count_lines(self.work / f"{student}.jsonl") for student in STUDENTS}
        steps = self.given.steps or round(2 * rows["sft"] / 8)
        for student in STUDENTS:
            recipe = ["--recipe", "smollm2-135m", "--set", f"max_steps={steps}", "--set", "accumulation=8"]
            data = ["--data", self.work / f"{student}.jsonl", "--model", self.base()]
            self.cli("train", "sft", *recipe, *data, "--out", self.work / f"model-{student}")

    def quantize(self) -> None:
        """All three as GGUF files of the same type, so that they are served alike."""
        for model in MODELS:
            folder, file = self.base() if model == "base" else self.work / f"model-{model}", self.gguf(model)
            if not file.exists():
                scratch = file.with_suffix(".tmp")
                python = [sys.executable, self.given.convert, folder, "--outtype", "q8_0", "--outfile", scratch]
                self.run(*python)
                scratch.replace(file)

    def heldout(self) -> None:
        """The benchmark on held-out tasks."""
        self.benchmark("heldout", [])

    def mlgym(self) -> None:
        """The same on the tasks of MLGym that run here."""
        if self.given.mlgym_root:
            self.benchmark("mlgym", ["--mlgym-root", self.given.mlgym_root])

    def benchmark(self, suite: str, more: list[Any]) -> None:
        """Models and references on a suite, same seeds, same steps."""
        agents = [f"openai:{model}" for model in MODELS] + list(REFERENCES)
        named = [part for agent in agents for part in ("--agent", agent)]
        budget: list[Any] = ["--runs", self.given.runs, "--max-steps", STEPS, "--max-tokens", ANSWER]
        model: list[Any] = ["--base-url", f"http://127.0.0.1:{PORT}/v1", "--tool-mode", "text", "--temperature", "0.2"]
        model += ["--context-tokens", CONTEXT - ANSWER - 200, "--timeout", "900", "--model-calls", "1"]
        with self.served():
            out: list[Any] = ["--sandbox", "bwrap", "--slots", "2", "--out", self.work / f"bench-{suite}"]
            self.cli("benchmark", "--suite", suite, *more, *named, *budget, *model, *out)

    def result(self) -> None:
        """`results/student.json`."""
        suites = [suite for suite in ("heldout", "mlgym") if (self.work / f"bench-{suite}").exists()]
        log = json.loads((self.work / "model-sft" / "run.json").read_text())
        found: dict[str, Any] = {suite: told(self.work / f"bench-{suite}") for suite in suites}
        found["model"] = self.given.base.name
        found["trajectories"] = {student: count_lines(self.work / f"{student}.jsonl") for student in STUDENTS}
        found["steps"] = log.get("steps", self.given.steps)
        write("student", found)

    def base(self) -> Path:
        """The base model as a folder, made from its GGUF file once."""
        folder = self.work / "model-base"
        if not (folder / "config.json").exists():
            from mlgym_synth.training.gguf import from_gguf

            from_gguf(self.given.base, folder)
        return folder

    def gguf(self, model: str) -> Path:
        """A model as it is served."""
        return self.work / f"{model}-q8_0.gguf"

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """All three models behind one address; the one that is asked for is loaded."""
        each = {"n_ctx": CONTEXT, "n_threads": os.cpu_count()}
        models = [{"model": str(self.gguf(model)), "model_alias": model, **each} for model in MODELS]
        config = self.work / "server.json"
        config.write_text(json.dumps({"host": "127.0.0.1", "port": PORT, "models": models}))
        command = [self.given.llama, "-m", "llama_cpp.server", "--config_file", str(config)]
        with (self.work / "server.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
            try:
                wait_for(server, f"http://127.0.0.1:{PORT}/v1/models")
                yield
            finally:
                server.terminate()

    def cli(self, *command: Any) -> None:
        """A command of the package."""
        self.run(sys.executable, "-m", "mlgym_synth.cli", *command)

    def run(self, *command: Any) -> None:
        """A command, shown as it is; a failed one ends the experiment, to be gone on with."""
        words = [str(word) for word in command]
        print("$", shlex.join(words), flush=True)
        code = subprocess.run(words, cwd=HERE, check=False, env={**os.environ, "OPENAI_API_KEY": "none"}).returncode
        if code:
            raise SystemExit(f"exit code {code}; run this again to go on")


def told(folder: Path) -> dict[str, Any]:
    """What a benchmark says of the three models."""
    summary = json.loads((folder / "summary.json").read_text())
    agents = summary["agents"]

    def figures(agent: str) -> dict[str, Any]:
        of = agents[agent]
        valid = 1 - of["runs_without_score"] / of["episodes"]
        return {
            "aup": of["aup"]["best"],
            "strict_aup": of["strict_aup"]["best"],
            "normalized_aup": round(of["normalized"]["best"], 4),
            "valid_share": round(valid, 4),
            "progress": round(of["progress"]["value"], 4),
            "above_baseline": round(of["beats_baseline"]["value"], 4),
        }

    found: dict[str, Any] = {model: figures(f"openai:{model}") for model in MODELS}
    found["references"] = {agent: figures(agent) for agent in REFERENCES}
    found["aup_relative_gain"] = round(found["sft"]["aup"] / found["base"]["aup"] - 1, 4)
    for key, other in (("progress_gain", "base"), ("progress_gain_over_control", "control")):
        found[f"{key}_ci95"] = difference(summary["pairs"], "openai:sft", f"openai:{other}")
    found["episodes"] = {model: agents[f"openai:{model}"]["episodes"] for model in MODELS}
    found["tasks"] = summary["compared_tasks"]
    return found


def difference(pairs: list[dict[str, Any]], first: str, second: str) -> list[float] | None:
    """The 95% interval of first minus second, from the comparison in either order."""
    for pair in pairs:
        interval = pair["difference"]["interval"] if pair["difference"] else None
        if {pair["first"], pair["second"]} == {first, second} and interval:
            low, high = interval
            return [low, high] if pair["first"] == first else [-high, -low]
    return None


def count_lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def wait_for(server: subprocess.Popen[bytes], url: str) -> None:
    """Until it answers."""
    for _ in range(300):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}; see server.log")
        time.sleep(1)
    raise SystemExit("the server does not answer; see server.log")


def main() -> None:
    """All stages, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="GGUF file of the model to train")
    parser.add_argument("--llama", default=sys.executable, help="a Python with llama-cpp-python[server]")
    parser.add_argument("--convert", type=Path, help="llama.cpp's convert_hf_to_gguf.py")
    parser.add_argument("--mlgym-root", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--steps", type=int, help="optimizer steps of 8 conversations (default: two passes)")
    parser.add_argument("--stage", choices=STAGES, action="append")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    experiment = Experiment(arguments)
    for stage in arguments.stage or STAGES:
        began = time.monotonic()
        getattr(experiment, stage)()
        print(f"{stage}: {(time.monotonic() - began) / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
