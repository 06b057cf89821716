"""The section "how sure": every look with its boundary, what the looks saved, and what is beside the verdicts."""

import json
import math
import re

import pytest
import vl_convert

from hunch.evidence import SUPPORTED, UNDECIDED, Look
from hunch.plan import faster, lower_cost, lower_error
from hunch.report import charts, html_report, make_view, text_report
from hunch.report.html import page_specs
from hunch.report.looks import MOST_ROWS, look_rows, looks_panel, thinned
from hunch.report.looks_chart import looks_chart
from hunch.report.text import WIDTH
from hunch.report.theme import plain_spec
from hunch.stats import boundaries, holm

from .test_report_page import Reader
from .test_report_text import agree

LOOKS = (5, 10, 20, 40)


@pytest.fixture(scope="module")
def looking(studies):
    """Four claims, looked at up to four times; twenty blocks were bought."""
    return studies.looking(bought=20)


@pytest.fixture(scope="module")
def view(looking):
    return make_view(*looking[:3])


@pytest.fixture(scope="module")
def page(looking):
    return html_report(*looking)


def seen(blocks, effect, low, high, decision=UNDECIDED, alpha=0.02):
    return Look(blocks, blocks, alpha, effect, low, high, 0.01, decision)


def panel_of(studies, *history, claim=None, looks=LOOKS, **changes):
    """The picture of a verdict with these looks."""
    claim = claim or lower_cost("before", than="none")
    plan = studies.plan(claims=(claim,), n=looks[-1], looks=looks, **changes)
    return looks_panel(studies.verdict(claim, history=history), plan, "share")


def test_every_look_has_its_boundary_level_interval_and_word(looking, view):
    verdicts = looking[2]
    levels = boundaries(LOOKS, 0.05 / 4)
    for verdict, claim in zip(verdicts, view.sure.claims, strict=True):
        assert [row.blocks for row in claim.rows] == [str(n) for n in verdict.looks]
        assert [row.says for row in claim.rows] == [look.decision for look in verdict.history]
        for row, level in zip(claim.rows, levels, strict=False):
            assert float(row.boundary) == pytest.approx(level, rel=0.01)
            assert row.level == f"{100 * (1 - level):.4g} %"
    assert view.sure.claims[0].rows[-1].says == SUPPORTED


def test_what_the_looks_used_and_saved_is_said(looking, view):
    assert view.sure.blocks == (
        "The study used 20 of at most 40 blocks of seeds, 20 fewer than a fixed design of as many."
    )
    assert view.sure.claims[0].use.endswith("decided early, which saved 30 against a fixed design of 40.")


def test_the_method_and_the_share_of_alpha_are_said(studies, view):
    said = " ".join(view.sure.method)
    assert "Planned looks: Student's t" in said
    assert "at most 0.05; each of the 4 claims has 0.0125 of it" in said
    assert "98.75 %" in said
    robust = make_view(*studies.looking(robust=True)[:3])
    assert "Nothing is assumed of the shape" in " ".join(robust.sure.method)


def test_the_p_values_stand_beside_with_holms_adjustment(looking, view):
    adjusted = holm([v.p_value for v in looking[2]])
    assert [row.claim for row in view.sure.holm] == [v.claim.text for v in looking[2]]
    for row, p, want in zip(view.sure.holm, looking[2], adjusted, strict=True):
        assert float(row.p_value) == pytest.approx(p.p_value, rel=0.01)
        assert float(row.adjusted) == pytest.approx(want, rel=0.01)


def test_one_claim_needs_no_adjustment_and_no_claim_no_section(studies):
    one = make_view(*studies.looking(faster("before", than="none"))[:3])
    assert one.sure.holm == ()
    plan = studies.plan(claims=(), n=2, budget=20)
    arguments = plan, studies.table(plan, facts=studies.shallow()), [], studies.provenance()
    assert make_view(*arguments[:3]).sure.claims == ()
    assert "How sure" not in Reader(html_report(*arguments)).words
    assert "how sure" not in text_report(*arguments)


def test_sensitivity_is_said_to_be_no_part_of_the_verdicts(page):
    words = Reader(page).words
    beside = words.index("Beside the verdicts, and no part of them")
    for said in ("after Holm", "correlation of the two arms"):
        assert words.index(said) > beside
    for said in (
        "easier target (",
        "half the budget (",
    ):  # with numbers; the first screen has only their direction
        assert words.index(said) > beside


def test_the_page_has_a_picture_of_the_looks_of_every_claim(page, looking):
    reader = Reader(page)
    assert reader.problems == []
    boxes = {given["id"]: given["aria-label"] for _, given in reader.tags if given.get("role") == "img"}
    for k, verdict in enumerate(looking[2]):
        assert boxes[f"looks-{k}"].startswith(f"{verdict.claim.text}: interval at each look, of at most 40")
        assert "after 5 blocks" in boxes[f"looks-{k}"]
    assert len(page.encode()) < 2_000_000


def test_a_fixed_design_has_a_table_and_no_picture(studies, demo_page):
    words = Reader(demo_page).words
    assert "One look, at the end" in words
    assert "Every look" in words
    assert 'id="looks-0"' not in demo_page
    assert panel_of(studies, seen(40, 0.3, 0.2, 0.4), looks=(40,)) is None


def test_a_study_in_the_middle_of_its_looks_says_where_it_is(studies):
    plan, table, verdicts, provenance = studies.looking(bought=3)
    view = make_view(plan, table, verdicts)
    assert all(c.use == "Not looked at yet; the first look is at 5 blocks." for c in view.sure.claims)
    assert all(c.rows == () and c.panel is None for c in view.sure.claims)
    assert view.sure.blocks.startswith("The study used 3 of at most 40 blocks")
    assert Reader(html_report(plan, table, verdicts, provenance)).problems == []


def test_the_axis_leaves_wide_early_intervals_to_arrows(studies):
    panel = panel_of(studies, seen(5, 0.3, -50.0, 60.0), seen(10, 0.3, 0.2, 0.4))
    first, last = panel.points
    assert (first.low, first.high) == (None, None)
    assert (last.low, last.high) == (0.2, 0.4)
    assert panel.domain[0] > -1
    assert panel.domain[1] < 1.5
    assert first.interval == "−50 to 60"
    spec = plain_spec(looks_chart(panel).properties(width=300, height=200))
    rows = [row for data in spec["datasets"].values() for row in data if "ends_low" in row]
    assert [(row["ends_low"], row["ends_high"]) for row in rows] == [(False, False), (True, True)]
    assert all(panel.domain[0] <= row["low"] < row["high"] <= panel.domain[1] for row in rows)


def test_bounds_and_ratios_are_drawn_on_their_own_scale(studies):
    claim = faster("before", than="none")
    panel = panel_of(studies, seen(5, math.log(3), math.log(2), math.inf), claim=claim)
    assert (panel.zero, panel.points[0].effect, panel.points[0].low) == (1.0, 3.0, 2.0)
    assert panel.points[0].high is None
    assert panel.points[0].interval == "at least 2"
    assert panel.margin_high == pytest.approx(1.1)


def test_looks_without_an_estimate_are_in_the_table_and_not_in_the_picture(studies):
    nan = math.nan
    history = (Look(5, 0, 0.02, nan, nan, nan, nan, UNDECIDED), seen(10, 0.3, 0.2, 0.4))
    assert [p.blocks for p in panel_of(studies, *history).points] == [10]
    assert panel_of(studies, history[0]) is None
    rows = look_rows(studies.verdict(lower_error("before", than="none"), history=history), "share")
    assert (rows[0].estimate, rows[0].interval, rows[0].p_value) == ("–", "–", "–")
    assert rows[1].interval == "20 to 40 points"
    identical = studies.verdict(lower_error("before", than="none"), history=(seen(5, 0.0, 0.0, 0.0),))
    assert (look_rows(identical, "share")[0].estimate, look_rows(identical, "share")[0].interval) == (
        "0 points",
        "–",
    )


def test_many_looks_are_thinned_in_tables_with_first_and_last_kept(studies):
    history = [seen(n, 0.1, -0.2, 0.4) for n in range(5, 81)]
    kept = thinned(history)
    assert len(kept) == MOST_ROWS
    assert (kept[0].blocks, kept[-1].blocks) == (5, 80)
    assert thinned(history[:3]) == tuple(history[:3])
    panel = panel_of(studies, *history, looks=tuple(range(5, 81)), sequence="anytime")
    assert len(panel.points) == 76
    assert panel.planned == ()
    svg = vl_convert.vegalite_to_svg(plain_spec(looks_chart(panel).properties(width=300, height=200)))
    assert svg.count("<path") > 76


def test_the_pictures_can_be_had_for_documents(looking, studies):
    made = charts(*looking[:3])
    assert list(made)[:3] == ["answer", "effects", "looks"]
    assert "before faster than none" in json.dumps(plain_spec(made["looks"]))
    assert "looks" not in charts(*studies.demo()[:3])


def test_names_that_look_like_code_stay_text(studies):
    arms = ("</script><b>", "datum.low")
    plan = studies.plan(
        arms=arms, claims=(lower_cost(arms[0], than=arms[1]),), n=40, looks=LOOKS, margins=(0.05,)
    )
    verdict = studies.verdict(plan.claims[0], history=(seen(5, 0.3, 0.2, 0.4),), looks=(5,))
    table = studies.table(plan, facts=studies.shallow())
    page = html_report(plan, table, [verdict], studies.provenance())
    reader = Reader(page)
    assert reader.problems == []
    assert not [tag for tag, _ in reader.tags if tag == "b"]
    spec = page_specs(make_view(plan, table, [verdict]))["looks-0"]
    for layer in spec["layer"]:
        assert arms[0] not in json.dumps({k: v for k, v in layer.items() if k != "data"})


def test_the_terminal_report_of_a_study_in_looks_reads_as_accepted(looking):
    text = text_report(*looking)
    assert max(map(len, text.splitlines())) <= WIDTH
    agree("looks.txt", re.sub(r"plan [0-9a-f]{12}", "plan (hash)", text))
