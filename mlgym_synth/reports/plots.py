"""The drawings of a benchmark's report, as PNG and SVG files and as SVG inside it. matplotlib is an extra, `report`.

Files are drawn on white. In a page the same drawing takes the page's own colours, so that it is read in the dark too.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.evaluation.analysis import Analysis
from mlgym_synth.evaluation.benchmark import Results
from mlgym_synth.evaluation.profiles import WHICH
from mlgym_synth.evaluation.scores import BASELINE
from mlgym_synth.evaluation.statistics import Estimate, worths
from mlgym_synth.grading.reward import CLIP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _FAINT, _LINE = "#1d2733", "#5d6875", "#d9dee4"
_IN_PAGE = {_INK: "var(--ink)", _FAINT: "var(--faint)", _LINE: "var(--line)"}
_COLOURS = ("#3b7dd8", "#d9822b", "#2a9d6f", "#c2529b", "#8a6fd1", "#b5892c", "#3f9fb3", "#d1565a")
_ENDED = {"submitted": _COLOURS[0], "auto_submitted": _COLOURS[6], "no_submission": _COLOURS[7],
          "invalid_submission": _COLOURS[1]}  # fmt: skip
"""How an episode ended; red and orange for what earned nothing."""
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif", "font.size": 9, "svg.fonttype": "none", "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK, "text.color": _INK, "xtick.color": _FAINT, "ytick.color": _FAINT,
    "xtick.labelcolor": _INK, "ytick.labelcolor": _INK, "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": _LINE, "grid.linewidth": 0.7, "axes.axisbelow": True, "legend.frameon": False,
    "figure.constrained_layout.use": True, "axes.titlesize": 10, "axes.titlelocation": "left",
    "savefig.bbox": "tight", "savefig.pad_inches": 0.08, "text.parse_math": False,  # names are no formulas
}  # fmt: skip
_DRAWINGS = ("profiles", "aup", "heatmap", "cost", "failures", "best_at_k")
_LONGEST = 34


class PlotsUnavailable(MlgymSynthError):
    """matplotlib is not installed."""


def require_matplotlib() -> None:
    """Complain early: a benchmark takes hours, and its report comes last.

    Raises:
        PlotsUnavailable: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise PlotsUnavailable("The report needs matplotlib: pip install 'mlgym-synth[report]'") from error


def draw_all(results: Results, analysis: Analysis | None, folder: Path) -> dict[str, str]:
    """Draw everything into a folder, as PNG and SVG. What an earlier report has drawn there is removed.

    Returns:
        Name -> the drawing as SVG for a page; only those that these results allow.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    require_matplotlib()
    for name in _DRAWINGS:
        for kind in ("png", "svg"):
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
    return _draw(results, analysis, folder) if analysis else {}


def _draw(results: Results, analysis: Analysis, folder: Path) -> dict[str, str]:
    import matplotlib

    drawings: dict[str, Callable[[], Figure]] = {
        "profiles": lambda: _profiles(analysis),
        "aup": lambda: _bars(analysis),
        "heatmap": lambda: _heat_map(analysis),
        "cost": lambda: _cost(results, analysis),
        "failures": lambda: _failures(results, analysis.ranked),
    }
    if not analysis.progress:
        del drawings["heatmap"], drawings["cost"]
    if any(len(curve) > 1 for curve in analysis.best_at_k.values()):
        drawings["best_at_k"] = lambda: _best_at_k(analysis)
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, draw in drawings.items():
        with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
            figure = draw()
            figure.savefig(folder / f"{name}.png", dpi=160, facecolor="white")
            drawn = _svg(figure)
            (folder / f"{name}.svg").write_text(_on_white(drawn), encoding="utf-8")
            if name != "heatmap":  # the page has a table, whose cells are links
                made[name] = _for_page(drawn, name, figure.get_size_inches()[0])
    return made


def _svg(figure: Figure) -> str:
    """The SVG element alone, without a background."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _on_white(svg: str) -> str:
    end = svg.index(">") + 1
    return f'{svg[:end]}\n <rect width="100%" height="100%" fill="white"/>{svg[end:]}'


def _for_page(svg: str, name: str, inches: float) -> str:
    """With ids of its own and the page's colours, and as wide as the page lets it be."""
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
    for colour, variable in _IN_PAGE.items():
        text = text.replace(colour, variable)
    bounds = f'<svg style="max-width: {6.4 * inches:.1f}rem; min-width: {min(32, 5 * inches):.1f}rem"'
    return re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', bounds + r" \1", text, count=1)


def _figure(width: float, height: float, columns: int = 1, **options: Any) -> tuple[Figure, Sequence[Axes]]:
    """A figure without a window: it is drawn to files only."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(1, columns, squeeze=False, **options)[0]


def _profiles(analysis: Analysis) -> Figure:
    found = analysis.mlgym
    figure, axes = _figure(9, 3.6, 2, sharey=True)
    for which, panel in zip(WHICH, axes, strict=True):
        for agent in [*analysis.ranked, BASELINE]:
            panel.step(
                10**found.x, found.curves[agent][which], where="post", label=_short(agent), **_line(analysis, agent)
            )
        panel.set(xscale="log", xlabel="factor of the best score", title=f"{which} score of a run", ylim=(0, 1.03))
        panel.set_xlim(1, 10**found.x_max)
        ticks = [t for t in (1, 1.5, 2, 3, 5, 10, 20, 30, 50, 100, 300, 1000) if t <= 10**found.x_max * 1.001]
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.minorticks_off()
        panel.grid(visible=True)
    axes[0].set_ylabel("share of tasks within it")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(found.agents)))
    return figure


def _bars(analysis: Analysis) -> Figure:
    """AUP over its largest value, and beside it the mean progress, each with its interval."""
    agents = analysis.ranked[::-1]
    figure, axes = _figure(9, 0.9 + 0.5 * (len(agents) + 1), 2 if analysis.progress else 1)
    found, known = analysis.mlgym, analysis.intervals
    for place, agent in enumerate([BASELINE, *agents]):
        for which, offset, alpha in zip(WHICH, (0.19, -0.19), (1.0, 0.5), strict=True):
            value = found.normalized[agent][which]
            between = known.normalized[agent][which] if known and agent != BASELINE else None
            _bar(axes[0], place + offset, Estimate(value, between), _colour(analysis, agent), alpha, height=0.36)
    axes[0].set(title="AUP / x_max (above: best, pale: last score)", xlim=(0, 1))
    axes[0].set_yticks(range(len(agents) + 1), [_short(agent) for agent in [BASELINE, *agents]])
    if analysis.progress:
        for place, agent in enumerate(agents, 1):
            _bar(axes[1], place, analysis.progress[agent], _colour(analysis, agent), 1.0, height=0.5)
        axes[1].axvline(0, color=_FAINT, linewidth=0.8)
        axes[1].axvline(1, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        axes[1].set(title="mean progress (0 baseline, 1 reference)", ylim=axes[0].get_ylim(), xlim=_around(analysis))
        axes[1].set_yticks(range(1, len(agents) + 1), [""] * len(agents))
    for panel in axes:
        panel.grid(visible=True, axis="x")
        panel.tick_params(axis="y", length=0)
    return figure


def _around(analysis: Analysis) -> tuple[float, float]:
    """From a little below the lowest progress to a little above the highest, with 0 and 1 in view."""
    ends = [end for e in analysis.progress.values() for end in (e.value, *(e.interval or ()))]
    return max(CLIP[0], min(0.0, *ends) - 0.05) - 0.02, max(1.0, *ends) + 0.08


def _bar(panel: Axes, place: float, estimate: Estimate, colour: str, alpha: float, height: float) -> None:
    panel.barh(place, estimate.value, height, color=colour, alpha=alpha)
    if estimate.interval:
        low, high = estimate.interval
        panel.plot([low, high], [place, place], color=_INK, linewidth=1.1, marker="|", markersize=5)


def _heat_map(analysis: Analysis) -> Figure:
    """A row a task, a column an agent; as tall as there are tasks."""
    scores, agents = analysis.scores, analysis.ranked
    tasks = [name for name, task in scores.tasks.items() if task.reference is not None]
    values = np.array([[worths(scores, agent, task, "progress", "last").mean() for agent in agents] for task in tasks])
    figure, (panel,) = _figure(2.4 + 0.75 * len(agents), 1.9 + 0.16 * len(tasks))
    image = panel.imshow(values, cmap="RdBu", vmin=-2, vmax=2, aspect="auto", interpolation="nearest")
    panel.xaxis.tick_top()
    panel.set_xticks(range(len(agents)), [_short(agent) for agent in agents], rotation=35, ha="left")
    panel.set_yticks(range(len(tasks)), [_short(task) for task in tasks], fontsize=7)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    for row, column in np.ndindex(values.shape):
        value = round(float(values[row, column]), 2) + 0.0
        colour = "white" if abs(value) > 1.3 else _INK
        panel.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color=colour)
    bar = figure.colorbar(image, ax=panel, location="bottom", shrink=0.9, aspect=30, boundaries=np.linspace(*CLIP, 61))
    bar.set_ticks([-1, 0, 1, 2], labels=["-1 failed", "0 baseline", "1 reference", "2"], fontsize=7)
    return figure


def _cost(results: Results, analysis: Analysis) -> Figure:
    """Mean progress over what an episode cost: money where a model was paid, else tool time."""
    paid = any(each.cost_usd for each in results.compared)
    figure, (panel,) = _figure(7.4, 3.4)
    for each in sorted(results.compared, key=lambda each: analysis.ranked.index(each.agent)):
        estimate = analysis.progress[each.agent]
        spent = each.cost_usd if paid else sum(run.tool_seconds for run in each.runs)
        x, colour = spent / len(each.runs), _colour(analysis, each.agent)
        if estimate.interval:
            panel.plot([x, x], estimate.interval, color=colour, linewidth=1.2, clip_on=False)
        panel.plot([x], [estimate.value], "o", color=colour, label=_short(each.agent), clip_on=False, zorder=3)
    panel.axhline(0, color=_FAINT, linewidth=0.8)
    panel.axhline(1, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.set(xlabel="USD an episode" if paid else "tool seconds an episode", ylabel="mean progress")
    panel.margins(x=0.1, y=0.1)
    panel.set_xlim(left=0)
    panel.grid(visible=True)
    figure.legend(loc="outside right upper")
    return figure


def _failures(results: Results, ranked: Sequence[str]) -> Figure:
    """How episodes ended, as shares of each agent's."""
    statuses = sorted({run.status for each in results.compared for run in each.runs}, key=_order)
    agents = sorted(results.compared, key=lambda each: ranked.index(each.agent), reverse=True)
    figure, (panel,) = _figure(9, 1.1 + 0.32 * len(agents))
    lefts = np.zeros(len(agents))
    for number, status in enumerate(statuses):
        shares = np.array([each.statuses[status] / len(each.runs) for each in agents])
        colour = _ENDED.get(status, _COLOURS[3 + number % 3])
        panel.barh(range(len(agents)), shares, 0.6, left=lefts, color=colour, label=status.replace("_", " "))
        lefts += shares
    panel.set_yticks(range(len(agents)), [_short(each.agent) for each in agents])
    panel.set(xlim=(0, 1), xlabel="share of episodes")
    panel.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper left", ncols=min(5, len(statuses)))
    return figure


def _order(status: str) -> tuple[int, str]:
    known = ("submitted", "auto_submitted")
    return (known.index(status) if status in known else len(known)), status


def _best_at_k(analysis: Analysis) -> Figure:
    figure, (panel,) = _figure(7.4, 3.4)
    most = max(map(len, analysis.best_at_k.values()))
    for agent in analysis.ranked:
        curve = analysis.best_at_k[agent]
        line = _line(analysis, agent)
        panel.plot(range(1, len(curve) + 1), curve, marker="o", markersize=4, label=_short(agent), **line)
    panel.set(xlabel="k runs", ylabel="mean progress of the best of k")
    step = math.ceil(most / 10)
    panel.set_xticks(range(1, most + 1, step))
    panel.grid(visible=True)
    figure.legend(loc="outside right upper")
    return figure


def _line(analysis: Analysis, agent: str) -> dict[str, Any]:
    if agent == BASELINE:
        return {"color": _FAINT, "linewidth": 1.2, "linestyle": ":"}
    number = analysis.scores.agents.index(agent)
    return {
        "color": _colour(analysis, agent),
        "linewidth": 1.8,
        "linestyle": _DASHES[number // len(_COLOURS) % len(_DASHES)],
    }


def _colour(analysis: Analysis, agent: str) -> str:
    return _FAINT if agent == BASELINE else _COLOURS[analysis.scores.agents.index(agent) % len(_COLOURS)]


def _short(name: str) -> str:
    """A name that fits a drawing."""
    return name if len(name) <= _LONGEST else f"{name[:14]}…{name[-(_LONGEST - 15) :]}"
