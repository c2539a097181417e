"""The page of one episode, as a person wants to read it: how it ended, the scores, then step by step."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from mlgym_synth.reports import page
from mlgym_synth.reports.charts import Graded, drawable, score_curve
from mlgym_synth.reports.page import Markup, escaped
from mlgym_synth.reports.tally import WHOSE, worth
from mlgym_synth.reports.text import bounded, excerpt, readable
from mlgym_synth.task import Direction
from mlgym_synth.tools import TOOLS, ToolCall, parse_action
from mlgym_synth.trajectories.model import Step, Trajectory

_DIFF_LINES = 400
"""Longer edits are shown as what went and what came; to find what they share takes time that grows with the square."""
_LONG_LINE = 240
"""A text with a longer line wraps instead of scrolling sideways."""

_ENDINGS = {
    "submitted": "The agent handed in a submission at step {steps}.",
    "auto_submitted": "{budget} ended, and what was there was handed in.",
    "no_submission": "{budget} ended, and there was no submission file.",
    "invalid_submission": "{budget} ended, and the submission file was not valid.",
    "sandbox_lost": "The sandbox was lost to the agent's own load ({cause}) at step {steps}.",
    "agent_failed": "Cut short after {steps} steps: the agent failed, which counts against it.",
    "model_failed": "Cut short after {steps} steps: the model failed, which says nothing of the agent.",
    "infrastructure_failed": "Cut short after {steps} steps: infrastructure failed, which says nothing of the agent.",
}


@dataclass(frozen=True, slots=True)
class Links:
    """Where a reader goes from an episode; addresses relative to its page, empty where there is none."""

    all: str
    previous: str = ""
    next: str = ""


def write_episode(file: Path, trajectory: Trajectory, links: Links) -> None:
    """Write the page of an episode."""
    title = f"{trajectory.task_id or 'a task'} · episode {trajectory.index}"
    page.write_page(file, title, _parts(trajectory), above=_navigation(links))


def status_mark(status: str) -> Markup:
    """A status with the colour of what it means."""
    whose = WHOSE.get(status, "agent")
    return page.mark(status.replace("_", " "), {"": "good", "agent": "bad"}.get(whose, "warn"))


def metric_text(metric: str, direction: str) -> str:
    """The metric with an arrow to where it is better: `rmse ↓`."""
    return f"{metric} {'↓' if direction == 'minimize' else '↑'}" if metric else ""


def _parts(trajectory: Trajectory) -> Iterator[Markup]:
    yield _figures(trajectory)
    yield from _ending(trajectory)
    if (curve := _curve(trajectory)) is not None:
        yield curve
    yield _strip(trajectory)
    yield _details("Task statement", f'<pre class="wrapped">{_text(trajectory.statement)}</pre>')
    yield page.folded("About this episode", _about(trajectory))
    for number, step in enumerate(trajectory.steps, 1):
        yield _step(number, step, trajectory.max_steps)


def _navigation(links: Links) -> Markup:
    named = (("← previous", links.previous), ("all episodes", links.all), ("next →", links.next))
    inside = " ".join(page.link(address, name).text for name, address in named if address)
    return Markup(f'<nav aria-label="episodes">{inside}</nav>\n')


def _figures(trajectory: Trajectory) -> Markup:
    usage, steps = trajectory.usage, len(trajectory.steps)
    named: dict[str, page.Cell] = {
        "status": status_mark(trajectory.status),
        "return": page.fixed(worth(trajectory)),
        "progress": page.fixed(trajectory.progress, 2),
        f"test score, {metric_text(trajectory.metric, trajectory.direction)}": page.number(trajectory.test_score, 4),
        "baseline": page.number(trajectory.baseline_score, 4),
        "reference": page.number(trajectory.reference_score, 4),
        "steps": f"{steps} of {trajectory.max_steps}" if trajectory.max_steps else steps,
        "time": _duration(trajectory.seconds),
    }
    if usage.tokens:
        named["tokens"] = usage.tokens
    if usage.cost_usd:
        named["cost"] = f"{usage.cost_usd:.4f} USD"
    return page.figures(named)


def _ending(trajectory: Trajectory) -> Iterator[Markup]:
    steps, budget = len(trajectory.steps), "The tool time"
    if trajectory.max_steps and steps >= trajectory.max_steps:
        budget = f"The budget of {trajectory.max_steps} steps"
    told = _ENDINGS.get(trajectory.status, "It ended as {status}.").format(
        budget=budget, steps=steps, cause=trajectory.cause or "unknown", status=trajectory.status
    )
    if trajectory.successful:
        told += f" The return is {trajectory.total_reward:.3f}: 0.5 is the baseline's, 0.75 the reference's."
    elif not trajectory.void:
        told += " Without a valid submission an episode is worth nothing."
    yield page.paragraph(told, "" if trajectory.successful else "warning")
    if trajectory.error:
        yield _output(trajectory.error)


def _curve(trajectory: Trajectory) -> Markup | None:
    validations = [Graded(number, score) for number, score in trajectory.validations if drawable(score)]
    final = Graded(len(trajectory.steps), trajectory.test_score) if drawable(trajectory.test_score) else None
    levels = {"baseline": trajectory.baseline_score, "reference": trajectory.reference_score}
    known = {name: value for name, value in levels.items() if drawable(value)}
    if not validations and final is None:
        return None
    direction = cast(Direction, trajectory.direction)
    drawn = score_curve(validations, final, known, trajectory.metric, direction, len(trajectory.steps))
    note = (
        f"{metric_text(trajectory.metric, direction)}, drawn so that up is better. Dots are validations, the line their"
        " best so far; the ring is the final submission on the test half, from which the dashed lines are too."
    )
    return Markup(f"{page.heading('Scores', note).text}\n{drawn.text}")


def _strip(trajectory: Trajectory) -> Markup:
    inside = "".join(
        page.link(
            f"#step-{number}", str(number), f' class="{_mood(step)}" title="{escaped(step.tool or "not a tool call")}"'
        ).text
        for number, step in enumerate(trajectory.steps, 1)
    )
    return Markup(f'{page.heading("Steps").text}<nav class="strip" aria-label="steps">{inside}</nav>')


def _mood(step: Step) -> str:
    """What a reader looks for from afar: rewards, failed commands, actions that were no tool call."""
    if step.reward > 0:
        return "good"
    return "bad" if step.exit_code else "warn" if step.tool is None else ""


def _about(trajectory: Trajectory) -> Iterator[Markup]:
    began = datetime.fromtimestamp(trajectory.started_at, UTC) if 0 < trajectory.started_at < 1e11 else None
    usage = trajectory.usage
    facts = {
        **{name: str(getattr(trajectory, name)) for name in ("agent", "seed", "family", "dataset", "split", "sandbox")},
        "began": f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else "",
        "tool time": _duration(trajectory.tool_seconds),
        "model calls": f"{usage.calls:,}, {usage.tokens_sent:,} tokens sent, {usage.tokens_received:,} received",
        "sha256 of the task": trajectory.task_sha256,
        "sha256 of the agent": trajectory.agent_sha256,
        "version": trajectory.version,
    }
    return (Markup(f"{escaped(name)}: {escaped(fact)}") for name, fact in facts.items() if fact)


def _step(number: int, step: Step, of: int) -> Markup:
    said = step.said
    name = escaped(step.tool or "not a tool call")
    parts = [
        f'<section class="step" id="step-{number}"><header>',
        f'<h3><a href="#step-{number}">{number} · {name}</a></h3>{_small_print(step)}</header>',
    ]
    if said.reasoning:
        summary = f"Reasoning, {len(said.reasoning):,} characters"
        parts.append(_details(summary, f'<div class="prose" dir="auto">{_text(said.reasoning)}</div>').text)
    if said.thought.strip():
        parts.append(f'<div class="prose" dir="auto">{_text(said.thought.strip())}</div>')
    parts.append(_action(step).text)
    if said.response and said.response != said.thought:
        parts.append(_details("The message as it came", f'<pre class="wrapped">{_text(said.response)}</pre>').text)
    parts.append(_output(step.observation).text)
    return Markup("\n".join([*parts, "</section>"]))


def _small_print(step: Step) -> str:
    usage = step.usage
    facts = [f"{step.elapsed_s:.2f} s" if step.elapsed_s else "", _waited(step)]
    if usage.tokens:
        facts.append(f"{usage.tokens_sent:,} → {usage.tokens_received:,} tokens")
    if usage.cost_usd:
        facts.append(f"{usage.cost_usd:.4f} USD")
    marks = [page.mark(f"exit {step.exit_code}", "bad").text] if step.exit_code else []
    if step.score is not None:
        marks.append(f"score {page.number(step.score, 4).text}")
    if step.reward:
        marks.append(page.mark(f"reward {step.reward:+.3g}", "good" if step.reward > 0 else "bad").text)
    if step.exit_code == 0:
        facts.insert(0, "exit 0")
    return f'{" ".join(marks)} <span class="small">{escaped(" · ".join(filter(None, facts)))}</span>'


def _waited(step: Step) -> str:
    return f"chosen in {step.latency_s:.2f} s" if step.latency_s >= 0.01 else ""


def _action(step: Step) -> Markup:
    call = parse_action(step.action, TOOLS)
    if not isinstance(call, ToolCall):
        raw = step.action if isinstance(step.action, str) else json.dumps(step.action, indent=1, ensure_ascii=False)
        return _block(raw, "action", "returned, and not run")
    arguments = call.arguments
    match call.tool.name:
        case "bash":
            limit = f"at most {arguments['timeout_s']:g} s" if "timeout_s" in arguments else ""
            return _block(arguments["command"], "action", limit, first=40)
        case "create":
            return _block(arguments["content"], "action", f"create {arguments['path']}", first=40)
        case "edit":
            return _edit(arguments["path"], arguments["old"], arguments["new"])
    return _block(_call(call.tool.name, arguments), "action")


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return f"{name}({inside})"


def _edit(path: str, old: str, new: str) -> Markup:
    """What went and what came, with the lines that both share between them."""
    if old.endswith("\n") and new.endswith("\n"):
        old, new = old[:-1], new[:-1]
    before, after = (bounded(readable(text)).split("\n") for text in (old, new))
    if max(len(before), len(after)) <= _DIFF_LINES:
        lines = [line for line in difflib.Differ().compare(before, after) if not line.startswith("?")]
    else:
        lines = [*(f"- {line}" for line in before), *(f"+ {line}" for line in after)]
    kinds = {"+": "ins", "-": "del"}
    marked = "".join(
        f'<{tag} class="{"added" if tag == "ins" else "removed"}">{escaped(line)}\n</{tag}>'
        if (tag := kinds.get(line[0]))
        else escaped(line) + "\n"
        for line in lines
    )
    return Markup(f'<div class="block action"><header>edit {escaped(path)}</header><pre>{marked}</pre></div>')


def _output(text: str) -> Markup:
    return _block(text, "output")


def _block(text: str, kind: str, label: str = "", first: int = 12, last: int = 4) -> Markup:
    """A text in a frame, its middle folded when it is long."""
    clean = bounded(readable(text))
    parts = excerpt(clean, first, last)
    wrapped = ' class="wrapped"' if max(map(len, clean.split("\n"))) > _LONG_LINE else ""
    shown = f"<pre{wrapped}>\n{escaped(parts.head)}</pre>"
    if parts.folded:
        lines = parts.folded.count("\n")
        summary = f"{lines:,} more lines" if lines > 1 else f"{len(parts.folded):,} more characters"
        shown += f"<details><summary>{summary}</summary><pre{wrapped}>\n{escaped(parts.folded)}</pre></details>"
        shown += f"<pre{wrapped}>\n{escaped(parts.tail)}</pre>"
    header = f"<header>{escaped(label)}</header>" if label else ""
    return Markup(f'<div class="block {kind}">{header}{shown}</div>')


def _details(summary: str, inside: str) -> Markup:
    return Markup(f"<details><summary>{escaped(summary)}</summary>{inside}</details>")


def _text(text: str) -> str:
    return escaped(bounded(text))


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
