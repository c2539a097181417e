"""Gate 7: nothing for nothing. Doing nothing scores 0, malformed submissions are answered and never scored."""

from __future__ import annotations

from typing import Any

from mlgym_synth.env import SynthEnv
from mlgym_synth.gates.evidence import Evidence, require
from mlgym_synth.task import PredictionsSubmission, ProgramSubmission, TaskSpec

_ANY_FILE = {
    "missing": "true",
    "empty": ": > {file}",
    "a folder": "mkdir {file}",
    "a link out of the workspace": "ln -s /etc/passwd {file}",
    "a link to what is open": "ln -s /dev/stdin {file}",
    "a pipe": "mkfifo {file}",
    "too large": "truncate -s 200M {file}",
    "zeros": "head -c 1000 /dev/zero > {file}",
}
_TABLE = {
    "other ids": "sed '2,$s/^/9/' {good} > {file}",
    "an id twice": "(cat {good}; tail -n 1 {good}) > {file}",
    "rows missing": "head -n -1 {good} > {file}",
    "no header": "tail -n +2 {good} > {file}",
    "another header": "sed '1s/id/row/' {good} > {file}",
    "a column too many": "sed 's/$/,1/' {good} > {file}",
    "an empty value": "sed '2s/,.*$/,/' {good} > {file}",
}
_NUMBERS = {
    "not a number": "sed '2s/,.*$/,{nan}/' {good} > {file}",
    "infinity": "sed '2s/,.*$/,{inf}/' {good} > {file}",
    "a word": "sed '2s/,.*$/,{word}/' {good} > {file}",
}
_PROGRAM = {
    "a syntax error": "def {function}(:",
    "no function": "x = 1",
    "raises at import": "raise ValueError('x')",
    "raises": "def {function}(*args):\n    raise ValueError('x')",
    "returns nothing of use": "def {function}(*args):\n    return object()",
    "returns nonsense": "def {function}(*args):\n    return 'first prize'",
    "prints a score and ends": "import os\ndef {function}(*args):\n    print('score: 1')\n    os._exit(0)",
    "sleeps": "import time\ndef {function}(*args):\n    time.sleep(60)",
    "tries the network": "import socket\ndef {function}(*args):\n    socket.create_connection(('1.1.1.1', 53), 5)",
    "answers without end": "def {function}(*args):\n    return ['x' * (1 << 24)] * 4",
}


def nothing_for_nothing(evidence: Evidence) -> str:
    """Gate 7: an episode without a submission returns 0; every kind of malformed one is answered, none is scored."""
    env = evidence.open_env(max_steps=2)
    try:
        env.reset(seed=0)
        rewards = [env.step(_bash("true")) for _ in range(2)]
    finally:
        env.close()
    total, status = sum(step[1] for step in rewards), rewards[-1][4]["exit_status"]
    require(total == 0 and status == "no_submission", f"doing nothing returned {total} and ended as {status}.")
    env = evidence.open_env(max_steps=1000)
    try:
        env.reset(seed=0)
        kinds = _kinds(evidence)
        for name, command in kinds.items():
            _refused(env, name, command, evidence.spec)
    finally:
        env.close()
    return f"{len(kinds)} kinds refused"


def _kinds(evidence: Evidence) -> dict[str, str]:
    """Name -> the command that makes the file."""
    submission = evidence.spec.submission
    file, good = submission.file, "/tmp/good"
    commands = {name: command.format(file=file, good=good) for name, command in _ANY_FILE.items()}
    if isinstance(submission, ProgramSubmission):
        for name, text in _PROGRAM.items():
            commands[name] = f"cat > {file} <<'END'\n{text.format(function=submission.function)}\nEND"
        return commands
    fields = {key: ",".join([key] * len(submission.columns)) for key in ("nan", "inf", "word")}
    numbers = any(column.dtype != "string" or column.values for column in submission.columns)
    for name, command in (_TABLE | (_NUMBERS if numbers else {})).items():
        commands[name] = command.format(file=file, good=good, **fields)
    return commands


def _refused(env: SynthEnv, name: str, command: str, spec: TaskSpec) -> None:
    file = spec.submission.file
    good = "sample_submission.csv" if isinstance(spec.submission, PredictionsSubmission) else "sample_program.py"
    env.step(_bash(f"rm -rf {file}; cp {good} /tmp/good; {command}"))
    # Both tools read and judge alike; what has to be waited for is waited for once.
    for tool in ("submit",) if name == "sleeps" else ("validate", "submit"):
        said, reward, terminated, truncated, info = env.step({"tool": tool, "arguments": {}})
        require(not terminated and not truncated, f"{name}: `{tool}` ended the episode: {said[:200]}")
        require(info["score"] is None and reward == 0, f"{name}: `{tool}` gave a score: {said[:200]}")
        require(file in said and len(said) > 30, f"{name}: `{tool}` did not say what is wrong: {said[:200]}")


def _bash(command: str) -> dict[str, Any]:
    return {"tool": "bash", "arguments": {"command": command}}
