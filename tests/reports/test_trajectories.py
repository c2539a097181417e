"""The report on a rollout: what its pages tell, and that hostile output stays text. Played and opened for real."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from mlgym_synth import registry
from mlgym_synth.agents import ScriptedAgent, load_agent
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.cli import main
from mlgym_synth.env import SynthEnv
from mlgym_synth.reports.episodes import RolloutIndex, index_parts
from mlgym_synth.reports.tally import Group, outcome
from mlgym_synth.reports.trajectories import NoEpisodes, write_report
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories import Said, Step, Trajectory, Usage
from mlgym_synth.trajectories.store import TrajectoryStore
from tests.reports.browsing import log
from tests.reports.reading import Page

TASK = "task-0018"  # a program task: its baseline takes no time
EVIL = (
    "</script></pre></title><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\"><!--"
)
LONG = "x" * 16_384
NAVIGATION = ("← previous", "all episodes", "next →")


def careful(statement: str, seed: int) -> Script:
    """Prints what it should not, uses every tool, and hands in the baseline."""
    yield bash(f"cat <<'EOF'\n{EVIL}\nEOF\nprintf '\\033[31mred\\033[0m a\\000b \\342\\200\\256esrever'; false")
    yield bash("seq -f 'row %g' 100")
    yield tool("create", path="note.txt", content="first\nsecond\nthird\n")
    yield tool("edit", path="note.txt", old="first\nsecond\n", new="first\nlast\n")
    yield f"submit it {EVIL}"
    yield bash("python baseline.py")
    yield tool("validate")
    yield tool("submit")


def invented(index: int = 0, **fields: Any) -> Trajectory:
    """An episode of a task whose score is to be lowered; hostile wherever a model or a run has a say."""
    said = Said(thought=f"{EVIL} مرحبا \u202e", reasoning=EVIL, response=f"said {EVIL}")
    steps = [
        Step({"tool": "bash", "arguments": {"command": EVIL}}, f"{EVIL}\n{LONG}\n", 0.0, "bash", 1, said=said),
        *(
            Step({"tool": "validate", "arguments": {}}, "scored", reward, "validate", score=score)
            for score, reward in ((0.5, 0.0), (0.3, 0.6), (9e9, 0.0))
        ),
        Step({"tool": "submit", "arguments": {}}, "handed in", 0.0, "submit"),
    ]
    about = {"family": "invented", "split": "heldout", "metric": "rmse", "direction": "minimize", "max_steps": 5}
    scores = {"baseline_score": 0.4, "reference_score": 0.35}
    usage = Usage(4, 1000, 200, 0.25)
    defaults = {"seed": 0, "agent": f"openai:{EVIL}", "statement": EVIL, "steps": steps, "usage": usage}
    return Trajectory(**{"task_id": "task-9001", "index": index, **defaults, **about, **scores, **fields})


FAILED: list[dict[str, Any]] = [
    {"exit_status": "auto_submitted", "test_score": 0.3, "progress": 2.0},
    {"fault": "model", "error": f"LLMError: 503 {EVIL}"},
    {"fault": "agent", "error": "KeyError: 'plan'"},
    {"fault": "infrastructure", "error": "SandboxDied: the daemon is gone", "steps": []},
    {"exit_status": "sandbox_lost", "cause": "memory"},
]


@pytest.fixture(scope="module")
def played() -> list[Trajectory]:
    """Three real episodes."""
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=8)
    agents = [load_agent("scripted:baseline"), load_agent("scripted:nop"), ScriptedAgent("scripted:careful", careful)]
    trajectories = [play(env, agent, seed=0) for agent in agents]
    env.close()
    for index, trajectory in enumerate(trajectories):
        trajectory.index, trajectory.split = index, "train"
    assert [t.exit_status for t in trajectories] == ["submitted", "no_submission", "submitted"]
    return trajectories


@pytest.fixture(scope="module")
def run(played: list[Trajectory], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of nine episodes, three of them real; two are void."""
    folder = tmp_path_factory.mktemp("run") / "out"
    with TrajectoryStore(folder, {"agent": EVIL}) as store:
        for trajectory in played:
            store.put(trajectory)
        for index, fields in enumerate(FAILED):
            store.put(invented(index, **fields))
        store.put(invented(task_id=f"../{EVIL}", exit_status="no_submission"))
    return folder


@pytest.fixture(scope="module")
def index(run: Path) -> Path:
    return write_report(run).index


def pages(index: Path) -> list[Path]:
    return sorted(index.with_name("episodes").iterdir())


def page_of(index: Path, start: str) -> Path:
    (file,) = [file for file in pages(index) if file.name.startswith(start)]
    return file


@pytest.mark.parametrize("name", ["page", "run#2? 100%"])
def test_the_command_says_where_the_page_is(
    name: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "[new]" / f"{name}.html"
    assert main(["report", "trajectories", str(run), "--out", str(page)]) == 0
    assert capsys.readouterr().out == f"9 episodes: {page}\n"
    assert {file.name for file in page.parent.iterdir()} == {page.name, f"{name}-episodes"}
    for file in (page, *(page.parent / f"{name}-episodes").iterdir()):
        files = {address.partition("#")[0] for address in Page(file).addresses} - {""}
        assert files
        assert all((file.parent / unquote(address)).is_file() for address in files), files


def test_without_a_run_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "trajectories", str(tmp_path)]) == 2
    assert "no ledger.sqlite there" in capsys.readouterr().err
    TrajectoryStore(tmp_path / "empty").close()
    assert main(["report", "trajectories", str(tmp_path / "empty")]) == 2
    assert "no episode is stored there yet" in capsys.readouterr().err
    assert main(["report", "trajectories", str(tmp_path / "empty"), "--limit", "0"]) == 2
    assert not (tmp_path / "empty" / "report").exists()


def test_the_figures_leave_out_what_was_not_the_agents_failure(index: Path, played: list[Trajectory]) -> None:
    words = Page(index).words
    told = {name: words[words.index(name) + 1] for name in ("mean return", "valid submission", "cut short", "cost")}
    judged = [*(t.total_reward for t in played), 0.6, 0.0, 0.0, 0.0]  # paid on the way is not handed in
    assert told["mean return"] == f"{sum(judged) / 7:.3f}"
    assert told["valid submission"] == "43%"
    assert told["cut short"] == "2"
    assert told["cost"] == "1.50 USD"
    failures = words[words.index("Failures") : words.index("Episodes")]
    assert failures.count("model failed") == failures.count("infrastructure failed") == 1
    assert failures[failures.index("KeyError: #") + 1] == "1"
    assert failures[failures.index("memory") + 2] == "task-9001 #4"


def test_episodes_of_two_tasks_are_two_pieces_of_evidence() -> None:
    lost = {"steps": [], "exit_status": "no_submission"}
    won = [outcome(invented(n, exit_status="submitted", test_score=0.3), 0.0) for n in range(50)]
    group = Group(won + [outcome(invented(n, task_id="task-9002", **lost), 0.0) for n in range(50)])
    assert group.mean_return is not None
    assert group.mean_return.value == pytest.approx(0.3)
    assert group.mean_return.interval == pytest.approx((0.0, 0.6))
    alone = Group(won[:1]).mean_return
    assert alone is not None
    assert alone.interval is None


def test_intervals_are_drawn_from_one_seed_over_tasks() -> None:
    returns = [(task, ((task * 7 + index * 3) % 11) / 10) for task in range(5) for index in range(task + 1)]
    episodes = [replace(outcome(invented(), 0.0), task_id=f"task-{task}", worth=worth) for task, worth in returns]
    whole, last = Group(episodes).mean_return, Group(episodes[-5:]).mean_return
    assert whole is not None
    assert last is not None
    assert (whole.value, whole.interval) == (0.58, (0.4153846153846154, 0.69))
    assert (last.value, last.interval) == (0.54, (0.28, 0.76))


def test_many_tasks_are_told_of_in_a_moment() -> None:
    one = outcome(invented(), 0.0)
    episodes = [replace(one, task_id=f"task-{n // 2}", index=n % 2, worth=n % 7 / 7) for n in range(2000)]
    began = time.monotonic()
    assert len("".join(part.text for part in index_parts(RolloutIndex(episodes, {}, {})))) > 100_000
    assert time.monotonic() - began < 10


def test_hostile_output_is_text(index: Path) -> None:
    for file in pages(index):
        page = Page(file)
        assert not {"script", "img", "iframe", "form"} & set(page.tags)
        assert not [name for name in page.attributes if name.startswith("on")]
    assert Page(index).tags.count("script") == 1
    assert "img" not in Page(index).tags
    words = " ".join(Page(page_of(index, "task-9001-0001")).words)
    assert words.count(EVIL) >= 6  # agent, statement, thought, reasoning, response, command, output, error
    assert len(pages(index)) == 9


def test_what_cannot_be_seen_is_shown(index: Path) -> None:
    text = page_of(index, f"{TASK}-0002").read_text(encoding="utf-8")
    assert "red a" in text
    assert r"\u202eesrever" in text
    unseen = [c for file in pages(index) for c in file.read_text(encoding="utf-8") if c in "\x00\x07\x1b\u202e\u2066"]
    assert unseen == []


def test_an_episode_is_told_step_by_step(index: Path) -> None:
    file = page_of(index, f"{TASK}-0002")
    text, page = file.read_text(encoding="utf-8"), Page(file)
    assert [f'id="step-{n}"' in text for n in range(1, 10)] == [True] * 8 + [False]
    assert "\n".join(f"row {n}" for n in range(1, 13)) + "\n</pre><details><summary>" in text
    assert '<del class="removed">- second' in text
    assert '<ins class="added">+ last' in text
    assert {"create note.txt", "edit note.txt", "validate()", "submit()", "exit 1", "5 · not a tool call"} <= {
        *page.words
    }
    assert any(word.startswith("The agent handed in a submission at step 8.") for word in page.words)
    (lost,) = (w for w in Page(page_of(index, "task-9001-0004")).words if "load" in w)
    assert "(memory)" in lost


def test_better_is_drawn_higher(index: Path) -> None:
    text = page_of(index, "task-9001-0000").read_text(encoding="utf-8")
    heights = [float(part.split('cy="')[1].split('"')[0]) for part in text.split('<circle class="point"')[1:]]
    assert len(heights) == 2  # the third, far off, is a mark at the edge
    assert heights[1] < heights[0]  # 0.3 after 0.5, of an error: SVG counts from the top
    assert "step 4: validation 9,000,000,000" in text
    assert "Scores by step (rmse, lower is better" in text


def test_one_can_read_from_the_first_to_the_last(index: Path) -> None:
    everything = pages(index)
    (first,) = [file for file in everything if "← previous" not in Page(file).words]
    seen, file = [first], first
    while "next →" in (page := Page(file)).words:
        links = dict(zip([w for w in page.words if w in NAVIGATION], page.addresses, strict=False))
        assert (file.parent / links["all episodes"]).resolve() == index.resolve()
        before, file = file, file.parent / links["next →"]
        seen.append(file)
        assert f'href="{before.name}">← previous' in file.read_text(encoding="utf-8")
    assert sorted(seen) == everything


def test_a_second_report_replaces_the_first(run: Path, tmp_path: Path) -> None:
    first = write_report(run, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.html")}
    (tmp_path / "episodes" / "task-0001-0000.html").write_text("somebody else's", encoding="utf-8")
    stale = tmp_path / "episodes" / "task-0002-0000.html"
    shutil.copy(pages(first.index)[0], stale)
    write_report(run, tmp_path)
    assert not stale.exists()
    assert (tmp_path / "episodes" / "task-0001-0000.html").exists()
    assert {file: file.read_bytes() for file in before} == before
    assert [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".html"] == []


def test_a_limit_takes_the_first_of_every_task_and_says_so(run: Path, tmp_path: Path) -> None:
    written = write_report(run, tmp_path, limit=4)
    assert (written.episodes, written.pages) == (9, 4)
    words = Page(written.index).words
    assert words[words.index("episodes") + 1] == "9"
    assert any("4 in all; 5 more are in all figures" in word for word in words)
    names = [file.name for file in pages(written.index)]
    assert [name for name in names if name.startswith("task")] == [
        f"{TASK}-0000.html",
        f"{TASK}-0001.html",
        "task-9001-0000.html",
    ]


def test_a_report_can_be_on_some_episodes_only(run: Path, tmp_path: Path) -> None:
    written = write_report(run, tmp_path, only={(TASK, 1), ("task-9001", 3), ("task-9001", 99)})
    assert (written.episodes, written.pages) == (2, 2)
    assert [file.name for file in pages(written.index)] == [f"{TASK}-0001.html", "task-9001-0003.html"]
    with pytest.raises(NoEpisodes, match="none of these episodes is stored there"):
        write_report(run, tmp_path, only=set())


def test_a_run_can_be_looked_at_while_it_writes(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path / "run") as store:
        store.put(invented(0, exit_status="no_submission"))
        assert write_report(tmp_path / "run").episodes == 1
        store.put(invented(1, exit_status="no_submission"))
        store.seal()
        store.put(invented(2, fault="model", error="LLMError: gone"))
        assert write_report(tmp_path / "run").episodes == 3
    assert write_report(tmp_path / "run").pages == 3


def shown(browser: webdriver.Chrome, column: int = 0) -> list[str]:
    rows = browser.find_elements(By.CSS_SELECTOR, f"#episodes tbody td:nth-child({column + 1})")
    return [row.text for row in rows]


def column(browser: webdriver.Chrome, name: str) -> int:
    return [head.text for head in browser.find_elements(By.CSS_SELECTOR, "#episodes th")].index(name)


@pytest.mark.browser
def test_rows_are_filtered_and_sorted(browser: webdriver.Chrome, index: Path) -> None:
    browser.get(index.as_uri())
    form = browser.find_element(By.CSS_SELECTOR, "form[data-table=episodes]")
    said = form.find_element(By.TAG_NAME, "output")
    assert len(shown(browser)) == 9
    assert said.text == "9 of 9 episodes"
    text = form.find_element(By.NAME, "text")
    text.send_keys("SCRIPTED: nop")
    assert shown(browser) == [TASK]
    assert said.text == "1 of 9 episodes"
    form.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(browser, 20).until(lambda _: said.text == "9 of 9 episodes")
    Select(form.find_element(By.NAME, "family")).select_by_visible_text("invented")
    Select(form.find_element(By.NAME, "status")).select_by_visible_text("model failed")
    assert shown(browser) == ["task-9001"]
    form.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(browser, 20).until(lambda _: said.text == "9 of 9 episodes")
    form.find_element(By.NAME, "return").send_keys("0.55")
    assert shown(browser) == ["task-9001"]
    form.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(browser, 20).until(lambda _: said.text == "9 of 9 episodes")
    steps = column(browser, "steps")
    head = browser.find_elements(By.CSS_SELECTOR, "#episodes th button")[steps]
    head.click()
    counts = [int(value) for value in shown(browser, steps)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 8
    head.send_keys(Keys.ENTER)  # the heads are buttons: a keyboard reaches them
    assert [int(value) for value in shown(browser, steps)] == sorted(counts)
    progress = column(browser, "progress")
    browser.find_elements(By.CSS_SELECTOR, "#episodes th button")[progress].click()
    assert shown(browser, progress)[0] == "2.00"
    assert shown(browser, progress)[-1] == "-"


@pytest.mark.browser
def test_nothing_runs_and_nothing_is_fetched(browser: webdriver.Chrome, index: Path) -> None:
    log(browser, "browser")
    log(browser, "performance")
    for file in (index, *pages(index)):
        browser.get(file.as_uri())
        assert browser.title != "owned"
        assert browser.find_elements(By.TAG_NAME, "img") == []
        for fold in browser.find_elements(By.CSS_SELECTOR, "summary"):
            browser.execute_script("arguments[0].click()", fold)
    assert log(browser, "browser") == []
    told = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    fetched = [t["params"]["request"]["url"] for t in told if t["method"] == "Network.requestWillBeSent"]
    assert len(fetched) == 10
    assert {address.split(":")[0] for address in fetched} == {"file"}


@pytest.mark.browser
def test_a_script_that_came_through_would_not_run(browser: webdriver.Chrome, index: Path) -> None:
    inject = (
        "const s = document.createElement('script'); s.text = 'document.title = \"owned\"'; document.body.append(s)"
    )
    for file in (index, pages(index)[0]):
        browser.get(file.as_uri())
        browser.execute_script(inject)
        assert browser.title != "owned"
    assert "Content Security Policy" in str(log(browser, "browser"))


@pytest.mark.browser
def test_without_scripts_it_is_a_plain_table(browser: webdriver.Chrome, index: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(index.as_uri())
        assert len(shown(browser)) == 9
        assert not browser.find_element(By.CSS_SELECTOR, "form[data-table=episodes]").is_displayed()
        assert browser.find_elements(By.CSS_SELECTOR, "#episodes th button") == []
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.browser
def test_pages_fit_a_phone_and_know_the_dark(browser: webdriver.Chrome, index: Path) -> None:
    phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        papers = set()
        for scheme in ("light", "dark"):
            emulated = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
            for file in (index, *pages(index)):
                browser.get(file.as_uri())
                assert browser.execute_script("return document.documentElement.scrollWidth") == 390, file.name
            papers.add(browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color"))
        assert len(papers) == 2
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.browser
def test_very_many_rows_are_shown_in_parts(browser: webdriver.Chrome, tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path / "run") as store:
        for number in range(450):
            store.put(invented(number, steps=[], agent="a", exit_status="no_submission"))
    browser.get(write_report(tmp_path / "run").index.as_uri())
    assert len(browser.find_elements(By.CSS_SELECTOR, "#episodes tbody tr")) == 400
    browser.find_element(By.CSS_SELECTOR, "#episodes + button").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#episodes tbody tr")) == 450
