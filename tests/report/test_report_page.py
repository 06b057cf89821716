"""The page as text: whole, escaped, self-contained, the same bytes again, provenance apart."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from page_reader import Reader, without_provenance

from hunch.plan import faster, same
from hunch.report import html_report
from hunch.report.html import chart_library, for_script
from hunch.traces import RunTable


@pytest.fixture
def page(demo_page):
    return demo_page


@pytest.fixture(scope="module")
def small(studies):
    """One arm and two seeds: for what does not depend on how much there is."""
    plan = studies.plan(arms=("none",), n=2, budget=20)
    return plan, studies.table(plan, facts=studies.shallow()), [], studies.provenance()


@pytest.fixture(scope="module")
def small_page(small):
    return html_report(*small)


def test_the_reader_sees_what_is_wrong_with_a_page():
    bad = '<p id="a"><b></p><i id="a"></i><img src="http://x/y.png"><a onclick="f()" href="#">'
    problems = " ".join(Reader(bad).problems)
    for said in ("closes nothing", "is never closed", "stands twice", "points outside", "is code"):
        assert said in problems


def test_the_page_is_whole_and_points_nowhere(page):
    assert Reader(page).problems == []
    assert page.startswith("<!doctype html>")


def test_the_page_answers_in_the_promised_order(page):
    headings = [text for level, text in Reader(page).headings if level == "h2"]
    assert headings == [
        "Verdicts", "Cost against iterations", "Runs that have reached the target", "Inside the layers",
        "How sure", "The runs", "How it was done",
    ]  # fmt: skip
    words = Reader(page).words
    assert words.index("supported") < words.index("Cost against iterations")


def test_there_is_one_chart_library_and_each_spec_stands_apart(page):
    scripts = Reader(page).scripts
    code = [text for given, text in scripts if given.get("type") != "application/json"]
    assert len(code) == 2
    assert sum("vegaEmbed" in text and len(text) > 500_000 for text in code) == 1
    specs = [given["data-chart"] for given, _ in scripts if "data-chart" in given]
    boxes = [given["id"] for tag, given in Reader(page).tags if given.get("role") == "img"]
    assert sorted(specs) == sorted(boxes)
    assert (
        len(specs) == 1 + 3 + 2 + 1 + 3 + 3 * 3 + 2 * 4
    )  # forest, effects, curves, arrivals, inputs, readings


def test_the_policy_allows_these_scripts_and_nothing_else(page):
    policy = next(
        g["content"] for t, g in Reader(page).tags if g.get("http-equiv") == "Content-Security-Policy"
    )
    code = [text for given, text in Reader(page).scripts if given.get("type") != "application/json"]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code]
    assert re.search(r"script-src ([^;]*);", policy)[1].split() == [f"'sha256-{h}'" for h in hashes]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_every_chart_is_described_and_every_part_is_named(page):
    reader = Reader(page)
    charts = [given for _, given in reader.tags if given.get("role") == "img"]
    assert all(len(given["aria-label"]) > 20 for given in charts)
    named = {given["id"] for tag, given in reader.tags if tag == "h2"}
    parts = [given["aria-labelledby"] for tag, given in reader.tags if tag == "section"]
    assert set(parts) == named
    assert {tag for tag, _ in reader.tags} >= {"main", "header", "nav", "footer", "h1"}


def test_the_same_arguments_give_the_same_bytes_again(demo, page):
    assert html_report(*demo) == page


def test_another_process_without_torch_gives_the_same_bytes(page):
    code = (
        "import hashlib, importlib.util, sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch': raise ImportError('torch was asked for')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "spec = importlib.util.spec_from_file_location('made', sys.argv[1])\n"
        "made = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(made)\n"
        "from hunch.report import html_report\n"
        "print(hashlib.sha256(html_report(*made.Studies().demo()).encode()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).with_name("conftest.py"))],
        env={"PYTHONHASHSEED": "12", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


def test_provenance_changes_one_element_and_nothing_else(small, small_page, studies):
    plan, table, verdicts, _ = small
    other = studies.provenance(
        started="2031-12-24T00:00:00+00:00",
        machine="elsewhere",
        versions=(("torch", "9.9"),),
        train_wall_s=9.0,
    )
    again = html_report(plan, table, verdicts, other)
    assert again != small_page
    assert without_provenance(again) == without_provenance(small_page)


def test_wall_times_of_runs_are_not_shown(small, small_page):
    plan, table, verdicts, provenance = small
    slower = RunTable(table.facts, [replace(t, wall_s=1e6) for t in table])
    assert html_report(plan, slower, verdicts, provenance) == small_page


def test_names_are_escaped_everywhere(studies):
    name = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    plan = studies.plan(
        arms=(name, "none"), n=2, budget=30, claims=(faster(name, than="none"),), notes=(f"note {name}",)
    )
    facts = studies.shallow(data_source=name, data_notes=(name,), network=name, engine_reason=name)
    bad = studies.trace(name, 5, 30, facts, failed=f"ValueError: {name}")
    table = studies.table(plan, facts=facts, extra=[bad])
    page = html_report(plan, table, [studies.verdict(plan.claims[0])], studies.provenance(machine=name))
    reader = Reader(page)
    assert reader.problems == []
    assert f"note {name}" in reader.words
    assert f"failed: ValueError: {name}" in reader.words
    assert not [tag for tag, given in reader.tags if tag == "img"]
    assert len([1 for given, _ in reader.scripts if given.get("type") != "application/json"]) == 2
    for given, text in reader.scripts:
        if given.get("type") == "application/json":
            assert "<" not in text
            json.loads(text)


def test_data_inside_a_script_element_cannot_end_it_and_stays_the_same_data():
    nasty = {"a": "</script><!--", "b": "&amp;", "c": "\u2028 ä"}
    text = for_script(nasty)
    assert not set("<>&") & set(text)
    assert json.loads(text) == nasty
    with pytest.raises(ValueError, match="JSON compliant"):
        for_script({"a": float("nan")})


def test_the_chart_library_cannot_end_its_element():
    assert "</script" not in chart_library()
    assert "\r" not in chart_library()


def test_half_a_character_in_a_name_does_not_keep_the_page_from_being_written(studies):
    plan = studies.plan(arms=("bad\udcff",), n=1, budget=20)
    page = html_report(plan, studies.table(plan, facts=studies.shallow()), [], studies.provenance())
    assert "bad?" in page
    page.encode("utf-8")


def test_a_thousand_runs_stay_under_two_megabytes(studies):
    arms = tuple(f"arm {k}" for k in range(5))
    plan = studies.plan(arms=arms, n=200, budget=1500, claims=(faster(arms[0], than=arms[1]),))
    page = html_report(plan, studies.table(plan), [studies.verdict(plan.claims[0])], studies.provenance())
    every_run = page[page.index("Every run") :]
    assert every_run.count('<tr><th scope="row">arm ') == 1000
    assert len(page.encode()) < 2_000_000


def test_a_study_without_runs_is_said_in_words(studies):
    plan = studies.plan(budget=None, target=None, rates=(), margins=(), notes=("No arm learned.",))
    reader = Reader(html_report(plan, studies.table(studies.plan(n=0)), [], studies.provenance()))
    assert reader.problems == []
    assert not [given for _, given in reader.tags if given.get("role") == "img"]
    for said in (
        "Nothing is decided yet",
        "nothing to draw",
        "no run can reach it. No arm learned.",
        "No run of",
    ):
        assert said in reader.words


def test_a_claim_of_likeness_is_explained(studies, page):
    plan = studies.plan(n=3, budget=30, claims=(same("before", "none"),))
    verdict = studies.verdict(plan.claims[0], effect=0.01, low=-0.05, high=0.06)
    table = studies.table(plan, facts=studies.shallow())
    alike = html_report(plan, table, [verdict], studies.provenance())
    assert "two arms are alike holds" in alike
    assert "two arms are alike holds" not in page
