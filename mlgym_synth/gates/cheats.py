"""Gate 8: cheats fail. Scripted attacks on the materialised task, through the agent's own tools; none may gain.

Each attack is a function of the evidence that raises `GateFailed` when it got somewhere. What a script could look
for in a sandbox is known outside only, so scripts report what they can reach and the judgement is made here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlgym_synth.cache import cache_root
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import FileRefused, SubmissionInvalid
from mlgym_synth.gates.content import places
from mlgym_synth.gates.evidence import Evidence, GateFailed, require
from mlgym_synth.gates.record import SEEDS
from mlgym_synth.gates.traces import texts_of
from mlgym_synth.grading import programs
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.probes import written
from mlgym_synth.grading.referee import ProgramJudge
from mlgym_synth.grading.reward import rounded
from mlgym_synth.sandbox.base import WORKSPACE, Sandbox
from mlgym_synth.task import PredictionsSubmission

_SCRIPTS = Path(__file__).with_name("attacks")
PROBES = 25
LARGEST_FILE = 64 << 20


def cheats_fail(evidence: Evidence) -> str:
    """Gate 8: run every attack."""
    attacks: list[Callable[[Evidence, SynthEnv], None]] = [_search, _forge, _links, _linger]
    env = evidence.open_env(max_steps=1000)
    try:
        env.reset(seed=0)
        for attack in attacks:
            attack(evidence, env)
    finally:
        env.close()
    outside = [_sneaky_programs] if evidence.is_program else [_look_up, _order, _probe]
    for assault in outside:
        assault(evidence)
    return f"{len(attacks) + len(outside)} attacks failed"


def _search(evidence: Evidence, env: SynthEnv) -> None:
    """Search everything that can be read; import every package that might carry the data."""
    source = evidence.spec.data.source
    words = ["evaluate.py", "solution.py", "task.yaml", "index.jsonl"]
    asked = {"names": words, "item": source.item if source else "", "report": "/tmp/report.json"}
    _python(env, "search.py", json.dumps(asked))
    assert env.sandbox is not None
    report = json.loads(env.sandbox.read_file("/tmp/report.json", LARGEST_FILE))
    require(not report["imports"], f"inside the sandbox these give data away: {', '.join(report['imports'])}.")
    require(not report["network"], "the sandbox reaches the network.")
    require(not report["names"], f"inside the sandbox lie {', '.join(report['names'][:5])}.")
    for path in report["files"]:
        _holds_nothing(evidence, env.sandbox, path)
    owned = (str(cache_root() / "data"), str(evidence.folder.path.resolve()))
    for text in report["said"]:
        shown = evidence.traces.any_in(text) or next((path for path in owned if path in text), None)
        require(shown is None, f"what /proc tells in the sandbox has {(shown or '')[:60]!r} in it.")


def _holds_nothing(evidence: Evidence, sandbox: Sandbox, path: str) -> None:
    """One file of the sandbox: inputs of the evaluation may lie in the workspace only, sealed labels nowhere."""
    try:
        content = sandbox.read_file(path, LARGEST_FILE)
    except FileRefused:
        return
    traces = evidence.traces
    look = traces.labels_in if path.startswith(f"{WORKSPACE}/") else traces.any_in
    for text in texts_of(content):
        found = look(text)
        require(found is None, f"{path} in the sandbox holds sealed values: {(found or '')[:60]!r}.")


def _forge(evidence: Evidence, env: SynthEnv) -> None:
    """Write every file that some evaluator might believe, patch Python's start-up: with no submission, no score."""
    _python(env, "forge.py", evidence.spec.submission.file)
    _unscored(env, "forged score files")


def _links(evidence: Evidence, env: SynthEnv) -> None:
    """Link the submission to places that are not the agent's to give."""
    file = evidence.spec.submission.file
    for target in ("/proc/self/environ", "/proc/1/environ", "/dev/shm", "sample_submission.csv", "baseline.py"):
        env.step(_bash(f"rm -rf {file}; ln -s {target} {file}"))
        _unscored(env, f"a link to {target}")
    env.step(_bash(f"rm -rf {file}"))


def _linger(evidence: Evidence, env: SynthEnv) -> None:
    """Leave a process that rewrites the submission all the time: what counts is one whole file, read once."""
    file = evidence.spec.submission.file
    assert env.sandbox is not None
    env.sandbox.write_files({file: evidence.baseline.content})
    env.step(_bash(f"cp {file} /tmp/kept && rm -rf reward.txt"))
    loop = f"while :; do echo forged > {file}; cp /tmp/kept {file}.new; mv {file}.new {file}; done"
    env.step(_bash(f"(setsid bash -c '{loop}' >/dev/null 2>&1 &)"))
    for _ in range(20):
        said, _, terminated, _, info = env.step({"tool": "submit", "arguments": {}})
        if terminated:
            require(evidence.no_better_than_baseline(info["score"]), f"a lingering process gained: {said[:200]}")
            return
        require(info["score"] is None, f"a file in the middle of a change was scored: {said[:200]}")


def _look_up(evidence: Evidence) -> None:
    """Answer test rows with the labels of equal or nearly equal train rows."""
    env = evidence.open_env()
    try:
        env.reset(seed=0)
        said = _python(env, "look_up.py", evidence.spec.submission.file)
        if "no train labels" in said:
            return
        _, _, _, _, info = env.step({"tool": "submit", "arguments": {}})
    finally:
        env.close()
    if info["score"] is not None:
        require(evidence.no_better_than_baseline(info["score"]), f"a look-up in train scores {info['score']:.4g}.")


def _order(evidence: Evidence) -> None:
    """Deal the sorted labels out by id, and by place in test.csv, up and down."""
    judge, truth = evidence.baseline.judge, evidence.prepared.sealed.truth
    assert isinstance(judge, PredictionJudge)
    assert truth is not None
    labels = np.sort(truth)
    submission = evidence.spec.submission
    assert isinstance(submission, PredictionsSubmission)
    width = len(submission.columns)
    place = places(evidence.episode(SEEDS[0])[1]["test.csv"], judge.ids)
    for keys in (judge.ids, -judge.ids, place, -place):
        dealt = labels[np.argsort(np.argsort(keys, kind="stable"), kind="stable")]
        if len(evidence.spec.metric.classes or ()) > 1 and width > 1:
            return  # class probabilities: the single columns are covered by gate 9
        content = written(evidence.spec, [[value] * width for value in dealt.tolist()], judge.ids)
        score = judge.grade(content).test
        require(evidence.no_better_than_baseline(score), f"labels dealt out by id or place score {score:.4g}.")


def _probe(evidence: Evidence) -> None:
    """Use `validate` as an oracle: change a few rows, keep what the shown score rewards, 25 times."""
    judge = evidence.baseline.judge
    assert isinstance(judge, PredictionJudge)
    spread = evidence.measured("baseline").validation.spread
    lines = evidence.baseline.content.decode().splitlines()
    rng = np.random.Generator(np.random.PCG64(0))
    shown = rounded(judge.grade(evidence.baseline.content).validation, spread)
    for _ in range(PROBES):
        tried = list(lines)
        here, there = rng.integers(1, len(lines), size=2)
        (first, _, a), (second, _, b) = lines[here].partition(","), lines[there].partition(",")
        tried[here], tried[there] = f"{first},{b}", f"{second},{a}"
        score = rounded(judge.grade("\n".join(tried).encode()).validation, spread)
        if evidence.sign * (score - shown) > 0:
            lines, shown = tried, score
    final = judge.grade("\n".join(lines).encode()).test
    require(evidence.no_better_than_baseline(final), f"25 probes of `validate` reach {final:.4g} on the test half.")


def _sneaky_programs(evidence: Evidence) -> None:
    """Programs that look at their parents, read ahead, write answers early, patch what serves them."""
    referee, submission = programs.referee_of(evidence.spec), evidence.spec.submission
    judge = evidence.baseline.judge
    assert isinstance(judge, ProgramJudge)
    for path in sorted(_SCRIPTS.glob("program_*.py")):
        source = path.read_text() + "\n" + referee.trivial
        try:
            score = float(judge.scores(source.encode(), "test").mean())
        except SubmissionInvalid:
            continue
        gained = not evidence.no_better_than_baseline(score)
        require(not gained, f"{path.stem}: `{submission.file}` scores {score:.4g} by cheating.")


def _unscored(env: SynthEnv, name: str) -> None:
    said, reward, terminated, _, info = env.step({"tool": "validate", "arguments": {}})
    require(info["score"] is None and reward == 0 and not terminated, f"{name}: `validate` scored it: {said[:200]}")


def _python(env: SynthEnv, script: str, argument: str) -> str:
    env.step({"tool": "create", "arguments": {"path": "/tmp/attack.py", "content": (_SCRIPTS / script).read_text()}})
    assert env.sandbox is not None
    result = env.sandbox.run(["python", "/tmp/attack.py", argument], env.limits.tool_s)
    if result.exit_code != 0 or "[...]" in result.output:
        raise GateFailed(f"the attack {script} did not run: {result.output[-400:]}")
    return result.output


def _bash(command: str) -> dict[str, Any]:
    return {"tool": "bash", "arguments": {"command": command}}
