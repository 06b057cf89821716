"""The charts: what users call things stays data, and the bytes depend on nothing but the view."""

import json
from xml.etree import ElementTree

import altair as alt
import pytest
import vl_convert

from hunch.errors import PlanError
from hunch.plan import faster, lower_error
from hunch.report import chart_picture, charts, make_view
from hunch.report.effects import effect_row
from hunch.report.forest import forest_chart, ratio_ticks
from hunch.report.forest_panel import forest_panels
from hunch.report.html import page_specs
from hunch.report.theme import DARK, DASHES, LIGHT, dash_of, plain_spec, theme

NASTY = ("a.b", "x[0]", 'it\'s "quoted"', "</script><script>alert(1)</script>", "datum.arm", "\\", "名前")
FIELDS = {
    "arm", "iteration", "low", "mid", "high", "share", "runs", "label", "claim", "effect", "zero",
    "verdict", "estimate", "interval", "row", "margin_low", "margin_high", "z", "to", "value", "slope", "y", "at",
    "when", "mean", "spread", "near_low", "near_high", "far_low", "far_high",
}  # fmt: skip


def found_in(spec, key):
    """Every value under that key, anywhere in a spec but in its data."""
    if isinstance(spec, dict):
        for name, value in spec.items():
            if name in ("datasets", "values"):
                continue
            if name == key:
                yield value
            else:
                yield from found_in(value, key)
    elif isinstance(spec, list):
        for value in spec:
            yield from found_in(value, key)


@pytest.fixture(scope="module")
def nasty(studies):
    """A study whose every name is made to break out of something."""
    arms = NASTY
    claims = (faster(arms[0], than=arms[3]), lower_error(arms[2], than=arms[1]))
    plan = studies.plan(arms=arms, n=3, budget=40, claims=claims, margins=(0.1, 0.01))
    facts = studies.facts(data_source="</script><b>data</b>", network="<i>net</i>")
    verdicts = [studies.verdict(c) for c in claims]
    return plan, studies.table(plan, facts=facts), verdicts


@pytest.fixture(scope="module")
def specs(nasty):
    return page_specs(make_view(*nasty))


def test_the_walk_through_a_spec_finds_nested_fields_and_skips_data():
    spec = {"layer": [{"encoding": {"x": {"field": "a"}}}], "datasets": {"d": [{"field": "no"}]}}
    assert list(found_in(spec, "field")) == ["a"]


def test_names_from_the_user_are_never_fields_and_never_code(specs):
    for spec in specs.values():
        assert {f for f in found_in(spec, "field") if isinstance(f, str)} <= FIELDS
        code = [
            c for key in ("test", "expr", "labelExpr", "filter", "calculate") for c in found_in(spec, key)
        ]
        assert code
        assert not [
            c for c in code if any(name in str(c) for name in NASTY if name != "datum.arm" and len(name) > 1)
        ]


def test_every_arm_is_in_the_domain_of_every_colour_scale(specs):
    domains = [
        scale["domain"]
        for spec in specs.values()
        for colour in found_in(spec, "color")
        if isinstance(colour, dict) and colour.get("field") == "arm"
        for scale in found_in(colour, "scale")
    ]
    assert domains
    assert all(d == list(NASTY) for d in domains)


def test_charts_of_names_that_look_like_paths_and_code_are_drawn_whole(specs):
    for name, spec in specs.items():
        svg = vl_convert.vegalite_to_svg({**spec, "width": 300})
        assert svg.count("<path") > 1, name
        assert "<script" not in svg


def test_the_spec_does_not_depend_on_what_a_notebook_has_enabled(studies):
    plan = studies.plan(arms=("none",), n=2, budget=20)
    view = make_view(plan, studies.table(plan, facts=studies.shallow()), [])
    plain = json.dumps(page_specs(view), sort_keys=True)
    with alt.theme.enable("dark"), alt.data_transformers.enable("default", max_rows=1):
        assert json.dumps(page_specs(view), sort_keys=True) == plain
    assert json.dumps(page_specs(view), sort_keys=True) == plain


def test_specs_name_no_address_and_every_chart_is_described(specs):
    for spec in specs.values():
        assert "http" not in json.dumps(spec)
        assert len(spec["description"]) > 20


def test_what_can_be_drawn_has_a_chart_and_what_cannot_has_none(studies):
    plan = studies.plan(n=2, budget=20)
    table = studies.table(plan, facts=studies.facts(sites=studies.facts().sites[:1]))
    verdicts = [studies.verdict(c) for c in plan.claims]
    names = ["answer", "effects", "cost", "held_out_error", "arrival", "inputs"]
    readings = ["saturation", "slope", "update_weight_relative", "update_shift", "inactive"]
    assert list(charts(plan, table, verdicts)) == names + readings
    empty = studies.plan(budget=None, target=None, rates=(), margins=())
    assert charts(empty, studies.table(studies.plan(n=0)), []) == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["answer", "effects", "inputs"])
def test_a_chart_can_be_had_as_png_and_as_svg_and_again_the_same(studies, name, mode):
    study = studies.demo()[:3]
    png = chart_picture(*study, name, "png", mode=mode, scale=1.0)
    assert png.startswith(b"\x89PNG")
    assert png == chart_picture(*study, name, "png", mode=mode, scale=1.0)
    svg = chart_picture(*study, name, "svg", mode=mode)
    assert svg.startswith(b"<svg")
    assert b"var(--" not in svg
    assert svg == chart_picture(*study, name, "svg", mode=mode)
    ElementTree.fromstring(svg)


def test_a_chart_that_the_study_has_not_is_refused_with_those_it_has(studies):
    with pytest.raises(
        PlanError, match=r"no chart 'costs'; it has answer, effects, cost, .*report-unknown-chart"
    ):
        chart_picture(*studies.demo()[:3], "costs")


def test_a_claim_made_twice_has_two_rows(studies):
    claims = [faster("before", than="none"), faster("before", than="none", margin=2.0)]
    verdicts = [studies.verdict(c) for c in claims]
    panels = forest_panels(("", effect_row(v, "share", verdicts)) for v in verdicts)
    spec = plain_spec(forest_chart(panels[0]))
    assert len(panels) == 1
    assert {row["row"] for data in spec["datasets"].values() for row in data if "claim" in row} == {0, 1}


@pytest.mark.parametrize(
    "domain", [(0.93, 1.09), (0.8, 1.3), (0.4, 2.5), (0.81, 6.6), (0.9, 30.0), (0.002, 900.0), (0.999, 1.001)]
)
def test_ratio_axes_have_few_round_ticks_inside_and_1_among_them(domain):
    ticks = ratio_ticks(domain)
    assert 1.0 in ticks
    assert len(ticks) <= 7
    assert all(domain[0] <= t <= domain[1] for t in ticks)


def luminance(colour):
    """Relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_luminance_tells_black_from_white():
    assert luminance("#ffffff") == pytest.approx(1.0)
    assert luminance("#000000") == 0.0


@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, "#ffffff"), (DARK, "#14181c")])
def test_the_first_three_arms_stand_out_from_the_ground(palette, ground):
    for colour in palette[:3]:
        high, low = sorted([luminance(colour), luminance(ground)], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3.0


def test_neighbouring_arms_differ_in_dash_too():
    assert len(set(DASHES)) == len(DASHES) == len(LIGHT) == len(DARK)
    assert len(set(LIGHT)) == len(LIGHT)
    looks = [(LIGHT[k % len(LIGHT)], dash_of(k)) for k in range(21)]
    assert len(set(looks)) == len(looks)


def test_the_page_theme_names_variables_that_the_style_sheet_defines(demo_page):
    text = json.dumps(theme("page"))
    names = {part.split(")")[0] for part in text.split("var(")[1:]}
    assert {"--ink", "--arm-0", "--arm-6"} <= names
    assert all(f"{name}:" in demo_page for name in names)
