"""Suites and what is read out of a benchmark's stores: scores of the test half, and nothing where nothing is known."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mlgym_synth import registry
from mlgym_synth.errors import TaskNotFound
from mlgym_synth.evaluation.analysis import analyse, summary, write_files
from mlgym_synth.evaluation.benchmark import Benchmark, Results, play_all, read_results, run_of
from mlgym_synth.evaluation.scores import Scores, load_scores
from mlgym_synth.evaluation.suites import open_suite
from mlgym_synth.folder import load_task
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Job, PlaySettings
from mlgym_synth.trajectories import Step, Trajectory
from mlgym_synth.trajectories.store import LEDGER, StoreInvalid, TrajectoryStore
from tests.evaluation.stores import FAMOUS, KNOWN, OTHER, Runs, benchmark, suite, trajectory


def scores_of(results: Results, *, well_known: bool = False) -> Scores:
    scores = results.scores(well_known=well_known)
    assert scores is not None
    return scores


def test_splits_are_suites() -> None:
    heldout = open_suite("heldout")
    assert (heldout.name, len(heldout.tasks)) == ("heldout", 110)
    assert all(task.scored.reference is not None for task in heldout.tasks)
    assert {task.entry.split for task in heldout.tasks} == {"heldout"}


def test_a_file_is_a_suite(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("# mine\nsynth/task-0018   # a knapsack\n\ntask-000[12]\n")
    mine = open_suite(str(file))
    assert (mine.name, [task.id for task in mine.tasks]) == ("mine", ["task-0001", "task-0002", "task-0018"])
    by_id = {task.id: task for task in mine.tasks}
    assert by_id["task-0002"].scored.direction == "minimize"
    assert (by_id["task-0001"].optimum, by_id["task-0002"].optimum, by_id["task-0018"].optimum) == (1.0, 0.0, 1.0)


def test_what_is_no_suite_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"suite 'nowhere': No such file.*heldout, train, mlgym, or a file"):
        open_suite("nowhere")
    file = tmp_path / "empty.txt"
    file.write_text("# nothing\n")
    with pytest.raises(ValueError, match="names no task"):
        open_suite(str(file))
    file.write_text("task-99999\n")
    with pytest.raises(TaskNotFound, match="task-99999"):
        open_suite(str(file))


def test_scores_are_those_of_the_test_half_in_order(tmp_path: Path) -> None:
    played = benchmark(tmp_path, {"a": {KNOWN: [[0.5, 2.0, 1.0], "no_submission"], OTHER: [[1.0], [0.0, 0.5]]}})
    results = read_results(played)
    assert results.missing == 0
    scores = scores_of(results)
    task, runs = scores.tasks[KNOWN], scores.runs["a"]
    assert task.reference is not None
    assert runs[KNOWN][1] == []
    assert [(s - task.baseline) / (task.reference - task.baseline) for s in runs[KNOWN][0]] == pytest.approx(
        [0.5, 2, 1]
    )
    assert [len(run) for run in runs[OTHER]] == [1, 2]
    assert scores.tasks[OTHER].direction == "minimize"


def test_a_validation_as_the_last_step_is_counted_once() -> None:
    steps = [Step({}, "", 0.0, "validate", score=0.1, test_score=score) for score in (0.7, 0.8)]
    ended = Trajectory("t", "a", 0, steps=steps, exit_status="auto_submitted", test_score=0.8)
    assert run_of(ended).scores == (0.7, 0.8)
    lost = Trajectory("t", "a", 0, steps=steps, fault="agent", error="KeyError")
    assert (run_of(lost).scores, run_of(lost).status) == ((), "agent_failed")


def test_missing_episodes_are_no_zeros(tmp_path: Path) -> None:
    runs: Runs = {"a": {KNOWN: [[1.0], None], OTHER: [None, None]}, "b": {KNOWN: [[0.0], [0.0]], OTHER: [[0.5], [0.5]]}}
    results = read_results(benchmark(tmp_path, runs))
    assert [each.missing for each in results.agents] == [3, 0]
    assert results.left_out() == [OTHER]
    scores = scores_of(results)
    assert list(scores.tasks) == [KNOWN]
    assert len(scores.runs["a"][KNOWN]) == 1
    found = analyse(scores)
    assert found.progress["a"].value == pytest.approx(1.0)
    assert found.progress["b"].value == pytest.approx(0.0)
    assert results.agents[0].cost_usd == pytest.approx(0.08)  # what was cut short was paid all the same


def test_agents_with_different_numbers_of_runs_are_compared_with_a_warning(tmp_path: Path) -> None:
    """Of three equal runs and one, the best of three is better: AUP says so of the runs, not of the agents."""
    runs: Runs = {"a": {KNOWN: [[1.0]], OTHER: [[0.5], [0.5]]}, "b": {KNOWN: [[0.0], [2.0]], OTHER: [[0.5], [0.5]]}}
    results = read_results(benchmark(tmp_path, runs))
    scores = scores_of(results)
    assert scores.unevenly_run == [KNOWN]
    assert summary(results, analyse(scores))["unevenly_run"] == [KNOWN]
    even = read_results(
        benchmark(tmp_path / "even", {"a": {KNOWN: [[1.0], "no_submission"]}, "b": {KNOWN: [[1.0], [1.0]]}})
    )
    assert scores_of(even).unevenly_run == []


def test_a_store_may_hold_more_than_is_asked_for(tmp_path: Path) -> None:
    """Here one run of one task is, and three runs of two are stored."""
    runs: Runs = {"a": {KNOWN: [[1.0], [0.0], None], OTHER: ["agent_failed", [0.5], [0.5]]}}
    played = benchmark(tmp_path, runs, count=3)
    asked = replace(played, suite=suite(tmp_path, KNOWN), runs=1)
    (results,) = read_results(asked).agents
    assert [(run.task_id, run.index) for run in results.runs] == [(KNOWN, 0)]
    assert results.stored == {(KNOWN, 0)}
    assert (results.missing, results.last_error) == (0, "")
    assert results.cost_usd == pytest.approx(0.02)


def test_the_last_failure_is_the_agents_own(tmp_path: Path) -> None:
    (results,) = read_results(benchmark(tmp_path, {"a": {KNOWN: ["agent_failed", None]}})).agents
    assert results.last_error == "KeyError: 'plan'"
    assert results.stored == {(KNOWN, 0), (KNOWN, 1)}


def test_episodes_of_a_task_that_has_changed_since_are_missing(tmp_path: Path) -> None:
    hashes = {0: load_task(registry.find(KNOWN).folder).sha256, 1: "of an earlier version"}
    played = benchmark(tmp_path, {"a": {KNOWN: []}})
    task, plan = played.suite.tasks[0], played.plan(played.agents[0])
    with TrajectoryStore(played.folder("a"), plan.settings()) as store:
        for job in plan.jobs():
            store.put(replace(trajectory(task, "a", job, [1.0]), task_sha256=hashes[job.index]))
    (results,) = read_results(played).agents
    assert ([run.index for run in results.runs], results.missing) == ([0], 1)
    assert results.stored == {(KNOWN, 0)}
    assert results.cost_usd == pytest.approx(0.02)
    with pytest.raises(StoreInvalid, match=f"1 stored episode is of tasks that have changed.*{KNOWN}"):
        play_all(played, LocalEngine(slots=1))


def test_an_agent_without_any_episode_holds_nobody_up(tmp_path: Path) -> None:
    played = benchmark(tmp_path, {"a": {KNOWN: [[1.0]]}, "gone": {KNOWN: [None]}}, count=1)
    results = read_results(played, {"gone": "12 episodes in a row were cut short"})
    assert list(scores_of(results).runs) == ["a"]
    told = summary(results, analyse(scores_of(results)))
    assert told["agents"]["gone"]["stopped"] == "12 episodes in a row were cut short"
    assert "aup" not in told["agents"]["gone"]
    assert told["missing"] == 1
    nothing = read_results(benchmark(tmp_path / "none", {"gone": {KNOWN: [None]}}, count=1))
    assert nothing.scores() is None
    assert (nothing.tasks(), nothing.left_out()) == ([], [KNOWN])
    assert summary(nothing, None)["x_max"] is None


def test_one_agent_on_one_task_can_be_analysed(tmp_path: Path) -> None:
    results = read_results(benchmark(tmp_path, {"a": {KNOWN: [[1.0]]}}, count=1))
    found = analyse(scores_of(results))
    assert (found.ranked, found.pairs, found.intervals) == (["a"], {}, None)
    assert summary(results, found)["agents"]["a"]["progress"] == {"value": pytest.approx(1.0), "interval": None}


def test_an_agent_without_any_score_is_compared(tmp_path: Path) -> None:
    runs: Runs = {"nothing": {KNOWN: ["no_submission", "sandbox_lost"]}, "a": {KNOWN: [[1.0], [0.5]]}}
    results = read_results(benchmark(tmp_path, runs))
    found = analyse(scores_of(results))
    assert found.ranked == ["a", "nothing"]
    assert found.progress["nothing"].value == -1.0
    assert found.pairs["a", "nothing"].improvement.value == 1.0
    told = summary(results, found)["agents"]["nothing"]
    assert (told["runs_without_score"], told["statuses"]) == (2, {"no_submission": 1, "sandbox_lost": 1})


def test_well_known_tasks_are_apart(tmp_path: Path) -> None:
    runs: Runs = {"a": {KNOWN: [[0.0]], FAMOUS: [[2.0]]}, "b": {KNOWN: [[1.0]], FAMOUS: ["no_submission"]}}
    results = read_results(benchmark(tmp_path, runs, count=1))
    found = analyse(scores_of(results))
    assert list(found.scores.tasks) == [KNOWN]
    assert found.progress["a"].value == pytest.approx(0.0)
    assert found.pairs["b", "a"].tasks == [KNOWN]
    assert list(scores_of(results, well_known=True).tasks) == [FAMOUS]
    told = summary(results, found)
    assert told["well_known"]["tasks"] == 1
    assert told["well_known"]["progress"]["a"]["value"] == pytest.approx(2.0)


def test_files_are_what_aup_reads(tmp_path: Path) -> None:
    runs: Runs = {"a": {KNOWN: [[1.0]], FAMOUS: [[1.0]]}, "cheat": {KNOWN: [[0.5]], FAMOUS: [[1.0]]}}
    results = read_results(benchmark(tmp_path, runs, count=1))
    write_files(results, analyse(scores_of(results)))
    out = results.benchmark.out
    assert load_scores(out / "scores.json") == scores_of(results)
    assert list(load_scores(out / "scores-well-known.json").tasks) == [FAMOUS]
    told = json.loads((out / "summary.json").read_text())
    assert told["agents"]["cheat"]["audit"] == {"episodes_flagged": 2, "kinds": {"network": 2}, "worst": {"high": 2}}
    assert told["agents"]["a"]["audit"]["episodes_flagged"] == 0
    assert told["agents"]["a"]["aup"]["best"] > told["agents"]["cheat"]["aup"]["best"]
    fewer = read_results(benchmark(tmp_path / "fewer", {"a": {FAMOUS: [[1.0]]}}, count=1))
    write_files(fewer, None)
    assert not (fewer.benchmark.out / "scores.json").exists()


def test_agents_are_named_once(tmp_path: Path) -> None:
    twice = (PlaySettings("a"), PlaySettings("a"))
    with pytest.raises(ValueError, match="agent 'a' is named twice"):
        Benchmark(open_suite("heldout"), twice, 1, 0, tmp_path)


def test_agents_have_a_folder_each(tmp_path: Path) -> None:
    alike = (PlaySettings("openai:org/m"), PlaySettings("openai:org-m"))
    with pytest.raises(ValueError, match=r"'openai:org/m' and 'openai:org-m' would both be kept in .*openai-org-m"):
        Benchmark(open_suite("heldout"), alike, 1, 0, tmp_path)


class Nobody:
    """An engine that is not to play."""

    def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
        assert list(jobs) == []
        yield from ()


def begun_with(folder: Path, setting: str, value: object) -> None:
    with closing(sqlite3.connect(folder / LEDGER)) as base, base:
        base.execute("UPDATE run SET value = ? WHERE setting = ?", (json.dumps(value), setting))


def test_a_finished_agent_counts_whatever_became_of_its_code(tmp_path: Path) -> None:
    """Its episodes are paid for, and nothing is left to play that could differ from them."""
    played = benchmark(tmp_path, {"a": {KNOWN: [[1.0]]}, "b": {KNOWN: [[0.5]]}}, count=1)
    begun_with(played.folder("a"), "agent_code", "of before")
    assert play_all(played, Nobody()) == {}
    assert [each.missing for each in read_results(played).agents] == [0, 0]
    with pytest.raises(StoreInvalid, match="the agent's code is not what it was"):
        play_all(replace(played, runs=2), Nobody())
    begun_with(played.folder("a"), "seed", 9)
    with pytest.raises(StoreInvalid, match="seed was 9"):
        play_all(played, Nobody())


def test_stores_are_looked_at_before_anyone_plays(tmp_path: Path) -> None:
    played = benchmark(tmp_path, {"a": {KNOWN: []}, "b": {KNOWN: [[0.5]]}}, count=1)
    begun_with(played.folder("b"), "seed", 9)
    with pytest.raises(StoreInvalid, match="seed was 9"):
        play_all(played, Nobody())


def test_an_agent_that_has_not_begun_may_still_change(tmp_path: Path) -> None:
    """Its store is made when it is its turn, and not when the first agent's turn is interrupted."""

    class Interrupted(Nobody):
        def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
            raise KeyboardInterrupt
            yield

    played = benchmark(tmp_path, {"a": {KNOWN: [[1.0]]}}, count=2)
    both = replace(played, agents=(*played.agents, PlaySettings("b", max_steps=20)))
    with pytest.raises(KeyboardInterrupt):
        play_all(both, Interrupted())
    assert not both.folder("b").exists()


def test_folders_are_names_whatever_the_agent_is_called(tmp_path: Path) -> None:
    made = benchmark(tmp_path, {"openai:org/model": {KNOWN: [[1.0]]}}, count=1)
    assert made.folder("openai:org/model") == made.out / "openai-org-model"
    assert made.folder("../..").parent == made.out
