"""Many verdicts in one picture: what stands together, what is said, and one spec for every way to draw it."""

import pytest

from hunch.plan import contrast, faster, lower, lower_error
from hunch.report.effects import effect_row
from hunch.report.forest import LINE, ROW, forest_chart, forest_height
from hunch.report.forest_panel import forest_panels
from hunch.report.svg import as_svg, own_ids
from hunch.report.theme import VERDICT_SHAPES, VERDICTS, plain_spec, theme
from hunch.report.twins import forest_twin
from hunch.report.verdicts import MARKS


@pytest.fixture(scope="module")
def panels(studies):
    verdicts = [
        studies.verdict(faster("before", than="none"), effect=1.2, low=0.9, high=None, bound="at_least"),
        studies.verdict(lower_error("before", than="none", margin=0.01), "undecided", 0.004, -0.02, 0.03),
        studies.verdict(faster("before", than="after"), "refuted", -0.4, -0.6, -0.2),
        studies.verdict(faster("after", than="none"), "no meaningful difference", 0.01, -0.05, 0.06),
    ]
    return forest_panels(("", effect_row(v, "share", verdicts)) for v in verdicts)


def test_verdicts_on_one_outcome_stand_together_in_their_order(panels):
    assert [len(panel.rows) for panel in panels] == [3, 1]
    assert [row.label for row in panels[0].rows] == [
        "supported: before faster than none",
        "refuted: before faster than after",
        "no meaningful difference: after faster than none",
    ]
    assert panels[0].title == "Iterations: how many times fewer, in the claim’s direction"
    assert panels[1].title == "Held-out error: difference in points, in the claim’s direction"


def test_the_place_where_it_was_found_stands_before_the_claim_and_what_has_no_interval_is_left_out(studies):
    verdict = studies.verdict(lower("slope", "before", than="none"))
    nothing = studies.verdict(
        faster("before", than="none"), "undecided", float("nan"), float("nan"), float("nan")
    )
    found = forest_panels(
        [("12 units", effect_row(verdict, "share", [verdict])), ("", effect_row(nothing, "share", [nothing]))]
    )
    assert [row.label for panel in found for row in panel.rows] == [
        "supported: 12 units · before lower slope than none"
    ]
    assert forest_panels([]) == ()


def test_where_it_was_found_takes_a_line_of_its_own_and_the_row_is_higher_for_it(studies, panels):
    verdict = studies.verdict(faster("before", than="none"))
    (panel,) = forest_panels([("12 units", effect_row(verdict, "share", [verdict]))])
    assert panel.rows[0].words == "supported: 12 units\nbefore faster than none"
    assert forest_height(panel) == ROW + LINE
    assert forest_height(panels[0]) == 3 * ROW
    svg = as_svg(
        {**plain_spec(forest_chart(panel).properties(width=300, height=60)), "config": theme("light")}
    ).decode()
    assert ">supported: 12 units<" in svg
    assert ">before faster than none<" in svg


def test_the_alt_text_says_every_result(panels):
    assert panels[0].alt.startswith(
        "3 verdicts on iterations. supported: before faster than none, estimate 3.32, "
    )
    assert "interval at least 2.46." in panels[0].alt
    assert panels[1].alt.startswith("1 verdict on held-out error. ")


def test_the_table_has_the_numbers_of_the_picture(panels):
    twin = forest_twin(panels[0])
    assert twin.rows[0] == ("before faster than none", "supported", "3.32", "at least 2.46")
    assert len(twin.rows) == 3
    assert all(len(row) == len(twin.head) for row in twin.rows)


def test_every_decision_has_a_colour_in_both_themes_and_a_shape(panels):
    assert len(MARKS) == len(VERDICT_SHAPES) == len(VERDICTS["light"]) == len(VERDICTS["dark"])
    spec = plain_spec(forest_chart(panels[0]))
    scales = [
        layer["encoding"]["color"]["scale"] for layer in spec["layer"] if "color" in layer.get("encoding", {})
    ]
    assert scales
    assert all(scale == {"domain": list(MARKS), "range": "diverging"} for scale in scales)
    assert theme("dark")["range"]["diverging"] == list(VERDICTS["dark"])


def test_an_interval_without_an_end_has_an_arrow_and_a_row_each_claim(panels):
    spec = plain_spec(forest_chart(panels[0]).properties(width=400, height=forest_height(panels[0])))
    rows = [row for data in spec["datasets"].values() for row in data if "claim" in row]
    assert [row["ends_high"] for row in rows] == [False, True, True]
    svg = as_svg({**spec, "config": theme("light")}).decode()
    for row in panels[0].rows:
        assert row.label in svg


def test_a_contrast_has_words_of_its_own(studies):
    claim = contrast("cost", {"a": 1, "b": -0.5, "c": -0.5}, margin=0.1)
    verdict = studies.verdict(claim)
    (panel,) = forest_panels([("", effect_row(verdict, "share", [verdict]))])
    assert panel.title == "Cost: difference in the claim’s direction"


def test_drawings_of_one_spec_are_the_same_and_share_no_ids_with_others():
    assert own_ids('<g id="clip3"/><g clip-path="url(#clip3)"/>') == own_ids(
        '<g id="clip9"/><g clip-path="url(#clip9)"/>'
    )
    first, second = own_ids('<g id="clip0"/>'), own_ids('<g id="clip0"/><b/>')
    assert first.split('"')[1] != second.split('"')[1]
    assert own_ids("clip7 is a word") == "clip7 is a word"
