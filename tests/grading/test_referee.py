"""The referee: programs are played in a sandbox of their own, and can do no more than answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgym_synth import registry
from mlgym_synth.errors import SubmissionInvalid, TaskInvalid
from mlgym_synth.folder import load_task
from mlgym_synth.grading import programs
from mlgym_synth.grading import referee as referee_module
from mlgym_synth.grading.programs.base import IllegalAnswer
from mlgym_synth.grading.referee import ProgramJudge
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.task import InstanceData, TaskSpec

SPECS = [load_task(e.folder).spec for e in registry.select() if e.metric not in ("accuracy",)]
PROGRAMS = {s.data.referee: s for s in SPECS if isinstance(s.data, InstanceData)}


def judge(name: str, backend: str, **changes: Any) -> ProgramJudge:
    """A judge of a shipped task, with few instances so that tests are quick."""
    spec = PROGRAMS[name]
    data = spec.data.model_copy(update={"validation": 3, "test": 3, "sha256": None})
    submission = spec.submission.model_copy(update=changes)
    spec = spec.model_copy(update={"data": data, "submission": submission})
    return ProgramJudge(spec, programs.prepare(spec).sealed, lambda: open_sandbox(backend, spec.limits))


@pytest.mark.parametrize("name", PROGRAMS)
def test_instances_are_the_same_every_time_and_never_shown(name: str) -> None:
    spec = PROGRAMS[name]
    assert isinstance(spec.data, InstanceData)
    referee = programs.REFEREES[name]
    first, again = programs.make(spec.data, referee), programs.make(spec.data, referee)
    assert first.sha256 == again.sha256 == spec.data.sha256
    assert first.sealed.instances is not None
    shown = json.loads(first.public.files.get("instances.json", b"[]"))
    drawn = [json.dumps(i) for part in (shown, *first.sealed.instances.values()) for i in part]
    assert len(drawn) == spec.data.shown + spec.data.validation + spec.data.test
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("name", PROGRAMS)
def test_trivial_and_random_programs_are_legal_and_within_the_bound(name: str) -> None:
    player, referee = judge(name, "bwrap"), programs.REFEREES[name]
    sign = 1 if PROGRAMS[name].metric.direction == "maximize" else -1
    for source in (referee.trivial, referee.random):
        scores = player.scores(source.encode(), "test")
        assert scores.shape == (3,)
        assert np.all(sign * scores <= sign * referee.bound)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("answer", [None, [], "x", -1, 1e308, True, [0.5], {"a": 1}, [[1]], [0] * 10_000, [-1] * 64])
def test_illegal_answers_are_refused_or_scored_never_worse(name: str, answer: Any) -> None:
    """Whatever JSON a program answers, a referee names the broken rule, or plays on with a legal answer."""
    spec = PROGRAMS[name]
    prepared = programs.prepare(spec)
    assert prepared.sealed.instances is not None
    play = programs.REFEREES[name].play(prepared.sealed.instances["test"][0])
    next(play)
    said: str | float = ""
    try:
        for _ in range(5000):
            play.send(answer)
    except StopIteration as end:
        said = float(end.value)
    except IllegalAnswer as rule:
        said = str(rule)
    assert np.isfinite(said) if isinstance(said, float) else len(said) > 20


GOOD = "def bid(prize, mine, theirs, history):\n    return max(mine)\n"
BAD: dict[str, tuple[str, str]] = {
    "syntax error": ("def bid(:\n", r"importing it failed: SyntaxError.*\(line 1\)"),
    "no function": ("x = 1\n", "has no function 'bid'"),
    "no callable": ("bid = 3\n", "has no function 'bid'"),
    "raises at import": ("raise ValueError('boom')\n", "importing it failed: ValueError: boom"),
    "exits at import": ("import sys; sys.exit(0)\n", "importing it failed: SystemExit"),
    "ends at import": ("import os; os._exit(0)\n", "the program ended before it answered"),
    "raises": (GOOD.replace("return max(mine)", "raise KeyError(theirs)"), "raised an exception$"),
    "exits with a score": (GOOD.replace("return max(mine)", "import os; print(1.0); os._exit(0)"), "ended before"),
    "sleeps": (GOOD.replace("return max(mine)", "import time; time.sleep(60)"), "took longer than 0.5 s"),
    "loops": (GOOD.replace("return max(mine)", "\n    while True: pass"), "took longer than 0.5 s"),
    "answers nonsense": (GOOD.replace("max(mine)", "'ace'"), "illegal answer: a bid must be"),
    "answers NaN": (GOOD.replace("max(mine)", "float('nan')"), "not JSON"),
    "answers an object": (GOOD.replace("max(mine)", "object()"), "not JSON"),
    "answers itself": (GOOD.replace("return max(mine)", "a = []; a.append(a); return a"), "not JSON"),
    "answers too much": (GOOD.replace("max(mine)", "'x' * (40 << 20)"), "ended before|took longer"),
    "writes a forged frame": (
        "import os, struct\nos.write(4, struct.pack('>I', 13) + b'{\"score\": 1.0}'[:13])\n" + GOOD,
        "importing it failed|cannot be read|out of turn|ended before",
    ),
    "eats memory": (GOOD.replace("return max(mine)", "return len(bytearray(8 << 30))"), "raised|end|more|longer"),
    "not utf-8": ("\udcff", "importing it failed: SyntaxError"),
    "empty": ("", "has no function 'bid'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_program_is_answered_and_never_scored(name: str, backend: str) -> None:
    source, message = BAD[name]
    content = source.encode("utf-8", "surrogateescape")
    with pytest.raises(SubmissionInvalid, match=message):
        judge("goofspiel", backend).scores(content, "test")


SNEAKY = {
    "patches builtins and json": "import builtins, json\njson.loads = json.dumps = None\nbuiltins.len = lambda x: 0\n",
    "patches the host": "import __main__\n__main__._plain = lambda value: 13\n",
    "prints a score": "print('score: 1.0')\n",
    "opens the network": "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 53), 0.2)\n    LUCK = 1\n"
    "except OSError:\n    LUCK = 0\nassert LUCK == 0\n",
    "reads its parent": "import os\nfor pid in (1, os.getppid()):\n    for name in ('environ', 'mem', 'maps'):\n"
    "        try:\n            found = open(f'/proc/{pid}/{name}', 'rb').read(100)\n"
    "        except (OSError, ValueError):\n            found = b''\n"
    "        assert b'instances' not in found\n",
    "looks for hidden files": "import os\nfor root, _, files in os.walk('/home'):\n"
    "    assert not [f for f in files if 'instances' in f or 'sealed' in f]\n",
}


@pytest.mark.parametrize("name", SNEAKY)
def test_sneaky_program_scores_what_it_plays(name: str, backend: str) -> None:
    player = judge("goofspiel", backend)
    honest = player.scores(GOOD.encode(), "test")
    if name == "patches builtins and json":  # it has broken its own answers
        with pytest.raises(SubmissionInvalid):
            player.scores((SNEAKY[name] + GOOD).encode(), "test")
    else:
        np.testing.assert_array_equal(player.scores((SNEAKY[name] + GOOD).encode(), "test"), honest)


def test_nothing_is_carried_from_instance_to_instance(backend: str) -> None:
    source = "SEEN = []\ndef bid(prize, mine, theirs, history):\n    SEEN.append(1)\n" + (
        "    assert len(SEEN) == len(history) + 1\n    return max(mine)\n"
    )
    assert judge("goofspiel", backend).scores(source.encode(), "test").shape == (3,)


def test_hidden_inputs_come_one_call_at_a_time(backend: str) -> None:
    """The language model is asked with the text so far; the character to come is not yet in the sandbox."""
    source = (
        "import os, select\nFIRST = None\ndef predict(context):\n"
        "    assert not select.select([3], [], [], 0)[0], 'the next message is there already'\n"
        "    return [1 / 45] * 45\n"
    )
    scores = judge("next_character", backend).scores(source.encode(), "test")
    assert scores == pytest.approx(np.log2(45), abs=1e-3)


def test_numpy_values_are_answers_too() -> None:
    source = "import numpy as np\ndef cut(nodes, edges):\n    return np.arange(nodes) % np.int64(2)\n"
    assert np.all(judge("max_cut", "bwrap").scores(source.encode(), "test") > 0.3)


def test_grade_is_the_mean_of_both_halves() -> None:
    player = judge("goofspiel", "bwrap")
    grade = player.grade(GOOD.encode())
    assert grade.validation == pytest.approx(player.scores(GOOD.encode(), "validation").mean())
    assert grade.test == pytest.approx(player.scores(GOOD.encode(), "test").mean())


def test_many_slow_calls_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referee_module, "GRADING_S", 0.5)
    slow = GOOD.replace("return", "import time; time.sleep(0.1); return")
    with pytest.raises(SubmissionInvalid, match=r"longer than 0\.5 s for all hidden instances"):
        judge("goofspiel", "bwrap").scores(slow.encode(), "test")


def test_unknown_referee_is_named() -> None:
    spec = PROGRAMS["goofspiel"]
    broken: TaskSpec = spec.model_copy(update={"data": spec.data.model_copy(update={"referee": "chess"})})
    with pytest.raises(TaskInvalid, match=r"there is no 'chess'\. Known are goofspiel"):
        programs.prepare(broken)


def test_host_script_needs_only_the_standard_library() -> None:
    text = (Path(programs.__file__).parents[1] / "program_host.py").read_text()
    assert "mlgym_synth" not in text
