"""The tables beside pictures have the numbers of the pictures, and the page has one for each."""

import pytest
from page_reader import Reader

from hunch.evidence import number
from hunch.report import html_report, make_view
from hunch.report.html import page_twins
from hunch.report.twins import MOST_ROWS, arrival_twin, curve_twin, reading_twin, thinned


@pytest.fixture(scope="module")
def view(demo):
    return make_view(*demo[:3])


def test_a_curve_has_at_most_nine_rows_the_first_and_last_among_them(view):
    twin = curve_twin(view.curves[0])
    assert twin.head == ("iteration", "none", "before", "after")
    assert len(twin.rows) == MOST_ROWS
    assert (twin.rows[0][0], twin.rows[-1][0]) == ("0", "1,500")
    last = view.curves[0].bands[1].points[-1]
    assert twin.rows[-1][2] == f"{number(last.mid)} ({number(last.low)} to {number(last.high)})"
    assert thinned([1, 2]) == (1, 2)


def test_arrivals_say_by_when_which_share_had_arrived(view):
    twin = arrival_twin(view.arrival)
    assert twin.head == ("arm", "reached", "10 % by", "25 % by", "50 % by", "75 % by", "90 % by")
    none, before, _ = twin.rows
    assert before[:2] == ("before", "20 of 20")
    steps = view.arrival.steps[1]
    half = next(at for at, share in steps.points if share >= 0.5)
    assert before[4] == f"{round(half):,}"
    assert "–" in none  # not all of its runs arrive


def test_readings_have_the_first_a_middle_and_the_last(view):
    panel = view.readings[0]
    twin = reading_twin(panel)
    assert len(twin.rows) == sum(len(site.bands) for site in panel.sites)
    assert twin.rows[0][0] == f"{panel.sites[0].site}: none"
    assert twin.rows[0][1].endswith(" at 1")
    assert twin.rows[0][3].endswith(" at 1,500")


def test_all_tables_are_whole_and_the_page_has_them_folded(view, demo_page):
    twins = page_twins(view)
    assert set(twins) == {
        "forest-0", "curve-cost", "curve-held-out-error", "arrival-steps", "inputs", "reading-saturation",
        "reading-slope", "reading-update-weight-relative", "reading-update-shift", "reading-inactive",
    }  # fmt: skip
    for twin in twins.values():
        assert twin.rows
        assert all(len(row) == len(twin.head) for row in twin.rows)
    reader = Reader(demo_page)
    folded = [tag for tag, _ in reader.tags if tag == "details"]
    assert len(folded) == len(twins) + len(view.verdicts)
    for twin in twins.values():
        assert f"{twin.caption}." in reader.words


def test_a_study_without_runs_has_no_tables(studies):
    plan = studies.plan(budget=None, target=None, rates=(), margins=())
    page = html_report(plan, studies.table(studies.plan(n=0)), [], studies.provenance())
    assert "<details" not in page
