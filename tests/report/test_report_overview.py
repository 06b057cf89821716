"""Several studies on one page: whole, in order, with what their alphas add up to."""

import re
from dataclasses import replace

import pytest
from page_reader import Reader

from hunch.errors import PlanError, StoreError
from hunch.evidence import decide
from hunch.plan import faster, lower_error
from hunch.report import Shown, overview_page
from hunch.report.overview_html import overview_view
from hunch.results import DoseResponse, Study, overview


def shown(studies, name, claims, alpha=0.05, n=12):
    plan = studies.plan(arms=("none", "before"), claims=claims, n=n, budget=60, alpha=alpha)
    table = studies.table(plan, facts=studies.shallow())
    return Shown(name, plan, table, decide(plan, table), studies.provenance())


@pytest.fixture(scope="module")
def told(studies):
    return [
        shown(studies, "first", (faster("before", than="none"),)),
        shown(
            studies,
            "<second>",
            (faster("none", than="before"), lower_error("before", than="none")),
            alpha=0.02,
        ),
        shown(studies, "third", ()),
    ]


@pytest.fixture(scope="module")
def page(told):
    return overview_page(told)


def test_the_page_is_whole_and_has_every_study_after_all_verdicts(page):
    reader = Reader(page)
    assert reader.problems == []
    headings = [text for level, text in reader.headings if level == "h2"]
    assert headings == ["All verdicts", "first", "<second>", "third", "How it was done"]
    assert "3 studies, 3 verdicts" in reader.words
    assert "it gives no verdict" in reader.words
    boxes = [given["id"] for _, given in reader.tags if given.get("role") == "img"]
    assert boxes[:2] == ["forest-0", "forest-1"]


def test_the_forest_has_the_verdicts_of_all_studies_with_their_names(told):
    labels = [row.label for panel in overview_view(told).forest for row in panel.rows]
    assert [label.partition(": ")[2] for label in labels] == [
        "first · before faster than none",
        "<second> · none faster than before",
        "<second> · before lower error than none",
    ]


def test_what_the_alphas_add_up_to_is_said(told):
    assert "0.02 to 0.05" in overview_view(told).caution
    assert "at least one of these 2 tells some apart may be as high as 0.07" in overview_view(told).caution
    assert "has chosen them by it" in overview_view(told).caution
    assert (
        overview_view(told[:1]).caution == "One study has verdicts; it allows a share of 0.05 of wrong ones."
    )
    assert overview_view(told[2:]).caution == "None of these studies has a verdict yet."


def test_the_same_studies_give_the_same_bytes_and_names_are_escaped(told, page):
    assert overview_page(told) == page
    assert "<second>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def opened(one, path=None):
    return Study(one.plan, one.table.facts, one.provenance, one.table, path)


def test_studies_are_called_as_their_files_and_twice_the_same_is_told_apart(told, tmp_path):
    studies = [
        opened(told[0], tmp_path / "bn.hunch"),
        opened(told[1], tmp_path / "b" / "bn.hunch"),
        opened(told[2]),
    ]
    path = overview(studies, tmp_path / "all.html")
    headings = [text for level, text in Reader(path.read_text("utf-8")).headings if level == "h2"]
    assert headings[1:4] == ["bn", "bn (2)", "study 3"]


def test_what_cannot_be_on_the_page_is_refused(told, dosed, tmp_path):
    with pytest.raises(PlanError, match=r"does not end in \.html.*\[overview-kind\]"):
        overview([opened(told[0])], tmp_path / "all.txt")
    with pytest.raises(PlanError, match=r"at least one study, got none.*\[overview-empty\]"):
        overview([], tmp_path / "all.html")
    with pytest.raises(StoreError, match=r"gone\.hunch"):
        overview(tmp_path / "gone.hunch", tmp_path / "all.html")
    plan, table, _, provenance = dosed.keep(n=6)
    curve = DoseResponse(plan, table.facts, provenance, table)
    with pytest.raises(PlanError, match=r"one of them holds a DoseResponse.*\[overview-other-study\]"):
        overview([opened(told[0]), curve], tmp_path / "all.html")
    assert not (tmp_path / "all.html").exists()


def test_a_key_speaks_for_its_own_study_alone(browser, told, tmp_path):
    path = tmp_path / "all.html"
    path.write_text(overview_page([told[0], replace(told[1], name="other")]), encoding="utf-8")
    for width in (360, 1440):
        browser.open(path, width=width)
        n = browser.run("document.querySelectorAll('script[data-chart]').length")
        assert browser.run("document.querySelectorAll('.chart svg').length") == n == 6
        wide, seen = browser.run(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= seen == width
    browser.run("document.querySelector('#study-0 .key button').click()")
    browser.run("new Promise(done => setTimeout(() => done(1), 300))")
    faint = "document.querySelectorAll('#study-{} svg path[opacity=\"0.15\"]').length"
    assert browser.run(faint.format(0)) > 0
    assert browser.run(faint.format(1)) == 0
    assert browser.complaints() == []
    assert browser.requests() == []
