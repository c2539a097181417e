"""Write the README's table of figures from the committed results: `python benchmarks/readme_table.py`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mlgym_synth import registry

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
ABOUT_AUP = """\
**AUP** is the area under the performance profile, as MLGym has it: for each factor the share of tasks on which an
agent's best test score (of its validations and its submission) is within that factor of the best agent's, over the
logarithm of the factor. It depends on which agents are compared, and a failed task still earns area; in **strict
AUP** it earns none. **Mean progress** depends on nobody else: 0 at the baseline, 1 at the reference, each task's
within -1 and 2, and -1 without a valid submission."""
BLOCK = re.compile(r"(<!-- figures: benchmarks/readme_table\.py -->\n).*?(<!-- /figures -->)", re.DOTALL)


def load(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text())
    return result


def benchmarked(suite: str) -> tuple[str, str, str, str]:
    """The row of a committed benchmark."""
    found = load(f"{suite}/summary")
    agents = sorted(found["agents"].items(), key=lambda item: -item[1]["aup"]["best"])
    told = [
        f"`{name}` {of['aup']['best']:.3f} ({of['strict_aup']['best']:.3f}),"
        f" {round(of['progress']['value'], 2) + 0.0:.2f}"
        for name, of in agents
    ]
    what = "held-out tasks" if suite == "heldout" else "MLGym tasks that run without a GPU or a download"
    of_suite = f"{found['compared_tasks']} {what}, {found['runs']} run{'s' * (found['runs'] > 1)} each"
    return f"{of_suite}: AUP (strict AUP), mean progress", "; ".join(told), "", f"results/{suite}/"


def table() -> str:
    steps, memory, validate = load("step_latency"), load("memory"), load("validate_latency")
    rollouts, crash, index = load("rollout_overhead"), load("rollout_crash"), load("registry_index")
    growth = load("store_growth")
    puts = list(growth["put_ms"].values())
    docker, bwrap, machine = steps["docker"], steps["bwrap"], steps["machine"]
    verified, made, again = load("verified"), load("synthesis_throughput"), load("replay")
    taught = load("teacher")
    inside = max(memory[backend]["sandbox_rss_mib"] for backend in ("docker", "bwrap"))
    owner = max(memory[backend]["owner_mib"] for backend in ("docker", "bwrap"))
    slowest = max(memory[backend]["answer_ms_worst_env"] for backend in ("docker", "bwrap"))
    rows = [
        (
            f"a step (`bash true` through `env.step`, median of {steps['steps']:,})",
            f"{docker['step_ms']} ms in Docker, {bwrap['step_ms']} ms under bubblewrap",
            f"{docker['exec_run_ms']} ms, docker SDK `exec_run` ({docker['ratio']:.0f} times ours)",
            "step_latency.py",
        ),
        (
            "a cold sandbox up to its first answer",
            f"{docker['reset_ms']} ms in Docker, {bwrap['reset_ms']} ms under bubblewrap; `env.reset`, with the task's"
            f" files, {docker['env_reset_ms']} and {bwrap['env_reset_ms']} ms",
            f"{docker['create_start_ms']} ms, a bare container create + start",
            "step_latency.py",
        ),
        (
            f"memory of an idle environment, {memory['environments']} open",
            f"{owner} MiB in the owner's process, {inside} MiB in the sandbox; slowest answers in {slowest} ms",
            "",
            "memory.py",
        ),
        (
            f"`validate` of {validate['rows']:,} rows",
            f"{validate['validate_ms']} ms",
            f"{validate['read_ms']} ms of it, reading the file",
            "validate_latency.py",
        ),
        (
            f"the rollout engine, {rollouts['environments']} environments, an agent that answers at once",
            f"{rollouts['engine_steps_per_s']:.0f} steps/s, all trajectories stored",
            f"{rollouts['env_steps_per_s']:.0f} steps/s, the same environments stepped by hand:"
            f" {rollouts['added_ms_per_step']} ms less a step ({rollouts['one_at_a_time']['added_ms']} ms for one"
            " environment, without a store)",
            "rollout_overhead.py",
        ),
        (
            f"{crash['episodes']} episodes, the run killed {len(crash['kills_at_stored'])} times (SIGKILL) and resumed",
            f"{crash['stored']} stored, {crash['twice']} twice, {crash['left_over']['containers']} containers left",
            f"{crash['other_than_undisturbed']} differ from a run that nobody disturbed",
            "rollout_crash.py",
        ),
        (
            f"a store of {growth['trajectories']:,} trajectories, {growth['steps_each']:.0f} steps each: one more",
            f"{puts[0]} ms in the beginning (a load of {growth['machine']['load']} beside it), {puts[-1]} ms in the"
            f" end; reopened in {growth['reopen_s']} s",
            f"{growth['append_a_json_line_ms']} ms, a line appended to a JSON file",
            "store_growth.py",
        ),
        (
            f"an index of {index['index_tasks']:,} tasks: list, filter, open one (each in a fresh process)",
            f"{index['call_ms']['list_first_100']}, {index['call_ms']['filter_first_100']},"
            f" {index['call_ms']['make']} ms; importing the package costs {index['import_added_ms']} ms",
            f"{index['import_gymnasium_ms']} ms, importing gymnasium",
            "registry_index.py",
        ),
        (
            f"the {verified['tasks']} shipped tasks through all ten gates",
            f"{verified['verified'] - len(verified['failed'])} pass, {len(verified['failed'])} fail; median"
            f" {verified['median_s']} s a task, slowest {verified['slowest_s']} s",
            "",
            "verified.py",
        ),
        (
            f"the template author, {made['workers']} workers, a cold cache: {made['tasks']} tasks registered",
            f"{made['tasks_a_minute']} tasks a minute, of {made['candidates']} candidates;"
            f" {made['share_of_the_rest']:.0%} of the workers' time is the pipeline's own or spent waiting",
            f"{made['share_of_programs']:.0%} is baselines and references at work, {made['share_of_attacks']:.0%} the"
            " gates' cheats and malformed submissions",
            "synthesis_throughput.py",
        ),
        (
            f"{again['episodes']} stored episodes, played again",
            f"{again['episodes'] - len(again['diverged'])} the same, every observation, reward and score",
            "",
            "replay.py",
        ),
        (
            f"the scripted teacher on all {taught['tasks']} train tasks, three seeds each, at most 20 s of tool time",
            f"{taught['episodes']:,} episodes: {taught['valid']:.0%} hand in a valid submission,"
            f" {taught['above_baseline']:.0%} beat the baseline; mean return {taught['mean_reward']:.3f}, mean progress"
            f" {taught['mean_progress']:.2f}, {taught['mean_steps']} steps",
            "",
            "teacher.py",
        ),
        *(benchmarked(suite) for suite in ("heldout", "mlgym")),
    ]
    lines = ["| what | here | beside it, in the same run | script in `benchmarks/` |", "| --- | --- | --- | --- |"]
    lines += ["| " + " | ".join((*row[:3], f"`{row[3]}`")) + " |" for row in rows]
    lines += ["", f"Measured on {machine['cores']} cores, Python {machine['python']}; the scripts write `results/`."]
    agents = "--agent scripted:nop --agent scripted:baseline --agent scripted:researcher"
    lines += [f"The last two are from `mlgym-synth benchmark --suite heldout {agents} --out DIR`, and the same with"]
    lines += ["`--suite mlgym --mlgym-root MLGym --runs 2`.", "", ABOUT_AUP]
    return "\n".join([*lines, *before_a_removal(taught["tasks"], load("heldout/summary")["tasks"])]) + "\n"


def before_a_removal(taught: int, compared: int) -> list[str]:
    """A line for each figure of more tasks than there are now."""
    measured = {"train": ("The teacher was", taught), "heldout": ("The held-out comparison was", compared)}
    lines = []
    for split, (what, tasks) in measured.items():
        if tasks != (left := len(registry.select(split=split))):
            lines += ["", f"{what} measured on {tasks} tasks; {left} are left since duplicates were removed."]
    return lines


def with_table(readme: str) -> str:
    """The README's text with its table made anew."""
    return BLOCK.sub(lambda match: match[1] + table() + match[2], readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
