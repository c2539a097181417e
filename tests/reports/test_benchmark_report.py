"""The report on a benchmark: what it tells, where its numbers lead, and that a browser shows it as it is meant."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from mlgym_synth.evaluation.analysis import analyse, write_files
from mlgym_synth.evaluation.benchmark import Results, read_results
from mlgym_synth.reports.benchmark import write_report
from tests.evaluation.stores import FAMOUS, KNOWN, OTHER, Runs, benchmark, suite
from tests.reports.browsing import log
from tests.reports.reading import Page

RUNS: Runs = {
    "openai:org/<b>good</b> $x$": {KNOWN: [[0.5, 1.0], [1.2]], OTHER: [[0.9], [1.1]], FAMOUS: [[1.9], [2.0]]},
    "cheat": {KNOWN: [[0.2], "no_submission"], OTHER: [None, [0.4]], FAMOUS: [[0.0], [0.0]]},
    "scripted:nop": {task: ["no_submission", "no_submission"] for task in (KNOWN, OTHER, FAMOUS)},
}
GOOD = next(iter(RUNS))


def written(folder: Path, runs: Runs, count: int = 2) -> tuple[Results, Path]:
    results = read_results(benchmark(folder, runs, count))
    scores = results.scores()
    analysis = analyse(scores) if scores else None
    write_files(results, analysis)
    return results, write_report(results, analysis, results.benchmark.out)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("report"), RUNS)[1]


@pytest.fixture
def phone(browser: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_page_tells_what_came_out(report: Path) -> None:
    page = Page(report)
    told = " ".join(page.words)
    assert "3 agents on 3 tasks (tasks)" in told
    assert "cheat: 1 episode missing, and not scored as failures." in told
    assert "Agents have different numbers of runs on 1 task: AUP compares the best of each" in told  # one was cut short
    assert "The audit found grave signs of cheating in 5 episodes; scores stand as they came." in told
    assert "curl example.org" in told
    assert "Well-known tasks" in told
    assert f"{GOOD}" in told
    assert "b" not in page.tags  # names are text


def test_every_link_leads_somewhere(report: Path) -> None:
    page, out = Page(report), report.parent
    files = {address.partition("#")[0] for address in page.addresses} - {""}
    assert len(files) > 15
    for address in files:
        assert (out / unquote(address)).exists(), address
    episodes = [address for address in page.addresses if "/episodes/" in address]
    assert any(address.endswith("#step-1") for address in episodes)
    assert {address.split("/")[0] for address in episodes} == {"openai-org-b-good-b-x", "cheat", "scripted-nop"}


def test_links_lead_somewhere_where_a_store_holds_more(tmp_path: Path) -> None:
    """Of another task, and of more runs than were asked for."""
    played = benchmark(tmp_path, {"a": {KNOWN: [[1.0], None, [1.0]], OTHER: [[1.0], [1.0], "agent_failed"]}}, count=3)
    results = read_results(replace(played, suite=suite(tmp_path, OTHER), runs=2))
    page = Page(write_report(results, None, played.out))
    episodes = {unquote(address) for address in page.addresses if "/episodes/" in address}
    assert episodes == {f"a/report/episodes/{OTHER}-000{index}.html" for index in range(2)}
    assert all((played.out / address).is_file() for address in episodes)
    told = Page(played.out / "a" / "report" / "index.html").words
    assert told[0] == "2 episodes of 1 task"
    assert not any("not shown" in word for word in told)


def test_tables_hold_the_same(report: Path) -> None:
    tables = report.parent / "tables"
    with (tables / "agents.csv").open(newline="") as file:
        agents = {row["agent"]: row for row in csv.DictReader(file)}
    assert list(agents) == [GOOD, "cheat", "scripted:nop"]
    assert float(agents[GOOD]["mean progress"]) == pytest.approx(1.05)
    assert (agents["cheat"]["missing"], agents["cheat"]["without a score"], agents["cheat"]["flagged"]) == (
        "1",
        "1",
        "5",
    )
    with (tables / "tasks.csv").open(newline="") as file:
        tasks = {row["task"]: row for row in csv.DictReader(file)}
    assert tasks[FAMOUS]["well known"] == "yes"
    assert (tasks[OTHER]["cheat runs"], tasks[OTHER]["scripted:nop best"]) == ("1", "")
    assert float(tasks[OTHER]["cheat progress"]) == pytest.approx(0.4)
    with (tables / "findings.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["network"] * 5
    assert (tables / "tasks.md").read_text().count("\n") == 5


@pytest.mark.parametrize(
    "runs",
    [
        {"a": {KNOWN: [[1.0]]}},
        {"a": {KNOWN: ["no_submission"]}},
        {"a": {KNOWN: [None]}},
        {"a": {FAMOUS: [[1.0]]}},
        {"a": {KNOWN: [[0.0]]}, "b": {KNOWN: [[0.0]]}},
    ],
    ids=["one agent, one task", "no score", "nothing played", "well-known only", "all equal to the baseline"],
)
def test_little_makes_a_report_too(runs: Runs, tmp_path: Path) -> None:
    results, page = written(tmp_path, runs, count=1)
    assert f"{len(runs)} agent" in " ".join(Page(page).words)
    assert (page.parent / "plots").exists() == (results.scores() is not None)


def test_old_drawings_go(tmp_path: Path) -> None:
    """Of more runs than are asked for now, and then of nothing that can be compared."""
    results, page = written(tmp_path, {"a": {KNOWN: [[1.0], [0.5]]}})
    drawn = {file.stem for file in (page.parent / "plots").iterdir()}
    once = read_results(replace(results.benchmark, runs=1))
    scores = once.scores()
    assert scores is not None
    write_report(once, analyse(scores), page.parent)
    assert drawn - {file.stem for file in (page.parent / "plots").iterdir()} == {"best_at_k"}
    write_report(once, None, page.parent)
    assert list((page.parent / "plots").iterdir()) == []
    assert "plots/" not in Page(page).addresses


@pytest.mark.browser
def test_the_browser_has_nothing_to_complain_about(browser: webdriver.Chrome, report: Path) -> None:
    log(browser, "browser")
    browser.get(report.as_uri())
    assert log(browser, "browser") == []
    assert len(browser.find_elements(By.CSS_SELECTOR, ".plot svg")) == 5
    colours = {cell.value_of_css_property("background-color") for cell in browser.find_elements(By.CLASS_NAME, "heat")}
    assert len(colours) > 3
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.browser
def test_a_count_leads_to_its_episodes(browser: webdriver.Chrome, report: Path) -> None:
    browser.get(report.as_uri())
    browser.find_element(By.CSS_SELECTOR, "a[href='scripted-nop/report/index.html#status=no+submission']").click()
    assert browser.find_element(By.CSS_SELECTOR, "form output").text == "6 of 6 episodes"
    browser.get(report.as_uri())
    browser.find_element(By.CSS_SELECTOR, f"a[href='cheat/report/index.html#text={KNOWN}']").click()
    assert browser.find_element(By.CSS_SELECTOR, "form output").text == "2 of 6 episodes"


@pytest.mark.browser
def test_it_fits_a_phone_and_knows_the_dark(phone: webdriver.Chrome, report: Path) -> None:
    inks = set()
    for scheme in ("light", "dark"):
        emulated = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        phone.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
        phone.get(report.as_uri())
        assert phone.execute_script("return document.documentElement.scrollWidth") == 390
        inks.add(phone.find_element(By.CSS_SELECTOR, ".plot svg text").value_of_css_property("fill"))
    assert len(inks) == 2
