"""Submissions to MLGym's evaluators: the same scores as when these are run by hand, and nothing gained by cheating."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import mlgym_synth
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import GradingError
from mlgym_synth.evaluation.mlgym import register
from tests.evaluation.mlgym.checkout import CAR, GAME, HOUSES, TEXTS, WORKSPACE, upstream_score, write

Open = Callable[..., SynthEnv]
VALIDATE: dict[str, Any] = {"tool": "validate", "arguments": {}}
SUBMIT: dict[str, Any] = {"tool": "submit", "arguments": {}}
SUBMISSION = "id,price\n" + "".join(f"{i},{price}\n" for i, price in enumerate((2.5, 5.25, 9.0, 12.0, 20.0)))
STRATEGY = """
calls = 0
def row_strategy(history):
    global calls
    calls += 1
    assert all(type(turn) is tuple for turn in history)
    return (len(history) + calls // 7) % 2
"""


@pytest.fixture
def opened(root: Path) -> Iterator[Open]:
    """Opens an env of a task, after reset."""
    envs: list[SynthEnv] = []

    def open_task(task: str, sandbox: str = "bwrap") -> SynthEnv:
        register(root)
        env = mlgym_synth.make(f"mlgym/{task}", sandbox=sandbox).unwrapped
        assert isinstance(env, SynthEnv)
        envs.append(env)
        env.reset(seed=0)
        return env

    yield open_task
    for env in envs:
        env.close()


def hand_in(env: SynthEnv, files: Mapping[str, str | bytes]) -> tuple[str, dict[str, Any]]:
    """Validate what a workspace with these files holds."""
    assert env.sandbox is not None
    env.sandbox.write_files({path: c.encode() if isinstance(c, str) else c for path, c in files.items()})
    observation, _, _, _, info = env.step(VALIDATE)
    return observation, info


def checkpoint(*weights: float) -> bytes:
    return pickle.dumps({"weights": list(weights)})


CASES: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    HOUSES: ({"submission.csv": SUBMISSION}, f"--submission_file {WORKSPACE}/submission.csv", "r2"),
    GAME: ({"strategy.py": STRATEGY}, "", "Score"),
    CAR: (
        {
            "checkpoints/a.pkl": checkpoint(0.1, 0.2),
            "checkpoints/b.pkl": checkpoint(0.7),
            "config.yaml": "power: 3.3",
        },
        f"--config_fname {WORKSPACE}/config.yaml",
        "Reward Mean",
    ),
    TEXTS: ({"weights.json": '{"a": 1, "b": 0, "c": 0, "d": 1}'}, "", "validation_accuracy"),
}


@pytest.mark.parametrize("task", CASES)
def test_scores_are_those_of_the_evaluator_run_by_hand(root: Path, opened: Open, tmp_path: Path, task: str) -> None:
    files, command, metric = CASES[task]
    env = opened(task)
    observation, info = hand_in(env, files)
    theirs = upstream_score(root, task, files, tmp_path / "by-hand", command)[metric]
    assert info["score"] == info["test_score"] == theirs
    assert f"score ({metric}, maximize): {theirs:.10g}" in observation
    _, _, terminated, _, info = env.step(SUBMIT)
    assert (terminated, info["exit_status"], info["score"]) == (True, "submitted", theirs), "one test set"


@pytest.mark.docker
def test_docker_grades_the_same(root: Path, opened: Open, tmp_path: Path) -> None:
    for task in (HOUSES, GAME):
        files, command, metric = CASES[task]
        env = opened(task, "docker")
        _, info = hand_in(env, files)
        assert info["sandbox"] == "docker"
        assert info["score"] == upstream_score(root, task, files, tmp_path / task, command)[metric]


def test_agents_get_neither_evaluators_nor_labels(opened: Open) -> None:
    found = {}
    for task in CASES:
        env = opened(task)
        assert env.sandbox is not None
        listed = env.sandbox.run(["find", ".", "-type", "f", "-printf", "%P "], 10).output
        found[task] = set(listed.split())
    assert found == {
        HOUSES: {"baseline.py", "data/train.csv"},  # the sample submission is the labels
        GAME: {"strategy.py", "target.py"},
        CAR: {"src/__init__.py", "src/model.py", "src/config.yaml"},
        TEXTS: {"data/train.json"},
    }


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("1", 0.5),
        ("True", 0.5),
        ("__import__('numpy').int64(1)", 0.5),
        ("(1,)", None),
        ("1.5", None),
        ("object()", None),
        ("float('nan')", None),
        ("history.clear() or 1", 0.5),
        ("__import__('os')._exit(0)", None),
        ("1 / 0", None),
        ("print('{\"Score\": 9}') or 1", 0.5),
    ],
)
def test_programs_answer_and_do_nothing_else(root: Path, opened: Open, answer: str, score: float | None) -> None:
    evaluator = "from strategy import row_strategy\nimport json\nmoves = [row_strategy([(0, 1)]) for _ in range(2)]\n"
    evaluator += "assert all(move in (0, 1) and hash(move) == 1 for move in moves), moves\n"
    write(root / f"data/{GAME}/evaluate.py", evaluator + "print(json.dumps({'Score': sum(map(int, moves)) / 4}))\n")
    env = opened(GAME)
    observation, info = hand_in(env, {"strategy.py": f"def row_strategy(history):\n    return {answer}\n"})
    assert info["score"] == score, observation
    assert score is not None or observation.startswith("Not scored: ")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("def row_strategy(history:\n", "importing it failed: SyntaxError: .* (line 1)"),
        ("import json\nprint(json.dumps({'Score': 9}))\nraise SystemExit(0)\n", "importing it failed: SystemExit"),
        ("def other(history):\n    return 1\n", "lacks a function that the evaluator calls"),
        ("import evaluate\n", "No module named 'evaluate'"),
        ("while True: pass\n", "took too long"),
    ],
)
def test_modules_that_cannot_play_are_answered(root: Path, opened: Open, module: str, reason: str) -> None:
    config = root / f"configs/tasks/{GAME}.yaml"
    config.write_text(config.read_text().replace("training_timeout: 60", "training_timeout: 3"))
    env = opened(GAME)
    observation, info = hand_in(env, {"strategy.py": module})
    assert info["score"] is None
    assert observation.startswith("Not scored: strategy.py")
    for part in reason.split(".*"):
        assert part.strip() in observation


def test_helpers_of_a_program_come_with_it(opened: Open) -> None:
    env = opened(GAME)
    files = {"strategy.py": "from mine.moves import row_strategy\n", "mine/moves.py": "def row_strategy(h): return 0\n"}
    _, info = hand_in(env, files)
    assert info["score"] is not None


class _Forge:
    """A pickle that prints a score and ends the process."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        code = "print('{\"Reward Mean\": 999}', flush=True); __import__('os')._exit(0)"
        return (exec, (code,))


def test_what_was_trained_is_loaded_as_data_only(opened: Open) -> None:
    env = opened(CAR)
    honest: dict[str, str | bytes] = {"checkpoints/a.pkl": checkpoint(1.0), "config.yaml": "power: 2"}
    observation, info = hand_in(env, {**honest, "checkpoints/b.pkl": pickle.dumps(_Forge())})
    assert info["score"] is None
    assert "builtins.exec may not be in what you hand in" in observation
    forged = "def push(weights):\n    return 999\n"
    env.step({"tool": "bash", "arguments": {"command": "rm checkpoints/b.pkl"}})
    _, info = hand_in(env, {**honest, "src/model.py": forged, "json.py": "1 / 0", "evaluate.py": "print('{}')"})
    assert info["score"] == 2.0, "code is the checkout's, whatever the workspace holds"


def test_names_of_files_are_no_commands(opened: Open) -> None:
    env = opened(CAR)
    name = "a; echo '{\"Reward Mean\": 999}'; exit; .yaml"
    _, info = hand_in(env, {"checkpoints/a.pkl": checkpoint(1.0), name: "power: 2"})
    assert info["score"] == 2.0


def test_pickles_of_arrays_and_of_declared_classes_load(root: Path, opened: Open) -> None:
    evaluator = (
        "import pickle, json, numpy\nclass Config: pass\n"
        "a = pickle.load(open('checkpoints/a.pkl', 'rb'))\nb = pickle.load(open('checkpoints/b.pkl', 'rb'))\n"
        "print(json.dumps({'Reward Mean': float(a['x'].sum()) + b.size}))\n"
    )
    write(root / f"data/{CAR}/evaluate.py", evaluator)
    env = opened(CAR)
    script = (
        "import pickle, numpy, os\nclass Config: pass\nconfig = Config(); config.size = 4\nos.makedirs('checkpoints')\n"
        "pickle.dump({'x': numpy.ones(3), 'y': numpy.float32(1)}, open('checkpoints/a.pkl', 'wb'))\n"
        "pickle.dump(config, open('checkpoints/b.pkl', 'wb'))\nopen('config.yaml', 'w').write('x: 1')\n"
    )
    _, info = hand_in(env, {"train.py": script})
    assert info["score"] is None
    assert env.step({"tool": "bash", "arguments": {"command": "python train.py"}})[4]["exit_code"] == 0
    assert env.step(VALIDATE)[4]["score"] == 7.0


def test_nothing_hidden_and_nothing_pretended_is_handed_in(opened: Open) -> None:
    env = opened(CAR)
    odd = "mkdir -p .hid checkpoints; touch .hid/x 'checkpoints/a\n7 /home/agent/y.pth'; ln -s /etc/passwd link.pkl"
    env.step({"tool": "bash", "arguments": {"command": odd}})
    assert env.sandbox is not None
    content = env.folder.collect(env.sandbox, 1 << 20)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getnames() == ["src/__init__.py", "src/config.yaml", "src/model.py"]


@pytest.mark.parametrize(
    ("task", "files", "reason"),
    [
        (HOUSES, {}, "No such file or directory"),
        (HOUSES, {"submission.csv": "id,price\n1,2\n"}, "AssertionError: 5 rows are wanted"),
        (HOUSES, {"submission.csv": "id\n1\n"}, "KeyError: 'price'"),
        (HOUSES, {"submission.csv": SUBMISSION.replace("2.5", "nan")}, "the evaluator's `r2` is nan"),
        (CAR, {"config.yaml": "power: 1"}, "AssertionError: no checkpoints"),
        (TEXTS, {}, "FileNotFoundError"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_faulty_submissions_are_answered_with_the_evaluators_reason(
    opened: Open, task: str, files: dict[str, str], reason: str
) -> None:
    env = opened(task)
    observation, info = hand_in(env, files)
    assert info["score"] is None
    assert observation.startswith("Not scored: ")
    assert reason in observation
    assert env.step(VALIDATE)[4]["exit_status"] is None, "it ends nothing"


JSON = "print('{\"r2\": 0.75}')\n"


@pytest.mark.parametrize(
    ("evaluator", "outcome"),
    [
        ("import warnings, sys\nwarnings.warn('old')\nprint('note', file=sys.stderr)\n" + JSON, 0.75),
        ("print('UserWarning: old')\n" + JSON, 'printed what is not the JSON that MLGym reads: "UserWarning: old'),
        (JSON + "print('done')\n", "printed what is not the JSON"),
        ("print('{\"r2\": NaN}')\n", "Not scored: the evaluator's `r2` is nan"),
        ("print('{\"r2\": -Infinity}')\n", "Not scored: the evaluator's `r2` is -inf"),
        ("print('{\"rmse\": 1}')\n", "printed no number `r2`"),
        ("print('{\"r2\": true}')\n", "printed no number `r2`"),
        ("print('[0.75]')\n", "printed no number `r2`"),
        ("pass\n", "Not scored: the evaluator gave no score"),
        ("print('{\"r2\": 1}')\nraise SystemExit(3)\n", "Not scored: the evaluator ended with an error"),
        ("while True: pass\n", "did not end within 2 s"),
        ("import time\nprint('{\"r2\": 1}', flush=True)\ntime.sleep(60)\n", "did not end within 2 s"),
        ("print('x' * 10_000_000)\n", "Not scored: the evaluator left no output that can be read"),
    ],
)
def test_evaluators_that_misbehave(root: Path, opened: Open, evaluator: str, outcome: float | str) -> None:
    write(root / f"data/{HOUSES}/evaluate.py", evaluator)
    config = root / f"configs/tasks/{HOUSES}.yaml"
    config.write_text(config.read_text().replace("training_timeout: 60", "training_timeout: 2"))
    env = opened(HOUSES)
    if isinstance(outcome, float):
        assert hand_in(env, {"submission.csv": SUBMISSION})[1]["score"] == outcome
    elif outcome.startswith("Not scored"):
        observation, info = hand_in(env, {"submission.csv": SUBMISSION})
        assert observation.startswith(outcome)
        assert info["score"] is None
    else:  # the grader's fault and never the agent's: the episode is void
        with pytest.raises(GradingError) as raised:
            hand_in(env, {"submission.csv": SUBMISSION})
        assert f"mlgym/{HOUSES}: its evaluator evaluate.py {outcome}" in str(raised.value).replace("'User", '"User')


def test_an_evaluator_that_hangs_before_it_asks_is_the_graders_fault_and_after_an_answer_the_programs(
    root: Path, opened: Open
) -> None:
    config = root / f"configs/tasks/{GAME}.yaml"
    config.write_text(config.read_text().replace("training_timeout: 60", "training_timeout: 2"))
    evaluator = root / f"data/{GAME}/evaluate.py"
    evaluator.write_text("from strategy import row_strategy\nrow_strategy([])\nwhile True: pass\n")
    env = opened(GAME)
    assert "was silent for 2 s after an answer of strategy.py" in env.step(VALIDATE)[0]
    evaluator.write_text("from strategy import row_strategy\nwhile True: pass\n")
    env.reset(seed=0)
    with pytest.raises(GradingError, match="was silent for 2 s"):
        env.step(VALIDATE)


def test_what_an_evaluator_writes_is_gone_at_the_next_grading(root: Path, opened: Open) -> None:
    evaluator = "import json, os\nseen = sorted(os.listdir('.'))\nopen('state.txt', 'w').write('1')\n"
    evaluator += "open('data/answer.csv', 'a').write('x')\nopen('submission.csv', 'w').write('')\n"
    evaluator += "print(json.dumps({'r2': len(seen) + os.path.getsize('data/answer.csv') / 1000}))\n"
    write(root / f"data/{HOUSES}/evaluate.py", evaluator)
    env = opened(HOUSES)
    scores = [hand_in(env, {"submission.csv": SUBMISSION + "\n" * i})[1]["score"] for i in range(2)]
    assert scores[0] == scores[1]
    assert env.sandbox is not None
    assert env.sandbox.read_file("submission.csv", 1000).decode() == SUBMISSION + "\n", "the agent's own is untouched"
    assert b"x" not in (root / f"data/{HOUSES}/data/answer.csv").read_bytes()
