"""The report of a dose-response curve: what is drawn where, in which words, on which page."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from page_reader import Reader, without_provenance

from hunch.errors import PlanError
from hunch.report import dose_page, dose_picture, dose_report_text, make_dose_view
from hunch.report.doses_chart import dose_chart, grid_chart
from hunch.report.doses_panel import STATUSES
from hunch.report.doses_scale import MOST_SEEDS, log_ticks
from hunch.report.text import WIDTH
from hunch.report.theme import plain_spec
from hunch.results import DoseResponse
from hunch.traces import RunTable

KINDS = ["keep", "l2", "rates", "grid"]


@pytest.fixture(scope="module")
def made(dosed):
    return {kind: getattr(dosed, kind)() for kind in KINDS}


@pytest.fixture(scope="module")
def views(made):
    return {kind: make_dose_view(*study[:3]) for kind, study in made.items()}


@pytest.fixture(scope="module")
def pages(made):
    return {kind: dose_page(*study) for kind, study in made.items()}


def marks(spec):
    """Every mark of a chart: its type, with style."""
    return [(layer["mark"]["type"], layer["mark"].get("style")) for layer in spec["layer"]]


def rows_of(spec, style):
    """The data behind the marks of a style."""
    layer = next(layer for layer in spec["layer"] if layer["mark"].get("style") == style)
    return spec["datasets"][layer["data"]["name"]] if "name" in layer["data"] else layer["data"]["values"]


def test_the_first_words_are_the_question_and_what_is_certified(views):
    keep = views["keep"]
    assert keep.title == "Which keep_prob for the lowest held-out cost?"
    assert keep.headline.startswith(
        "2 of 7 doses are certified near-optimal, keep 0.8, 0.9 (PyTorch nn.Dropout: p = 0.2, 0.1): each loses at "
        "most 0.05 against any other. The default, keep 1 (PyTorch nn.Dropout(p=0)), is not good enough"
    )
    assert (keep.word, views["l2"].word) == ("not good enough", "good enough")
    assert views["rates"].title == "Which lr for the fewest iterations?"
    assert views["grid"].title == "Which keep_prob and l2 for the lowest held-out error?"


def test_a_dose_stands_at_its_value_mean_and_interval(made, views):
    answer, panel = made["keep"][2], views["keep"].panel
    assert [p.x for p in panel.points] == [dose.value[0] for dose in answer.doses]
    for point, dose in zip(panel.points[1:], answer.doses[1:], strict=True):
        assert (point.y, point.low, point.high) == pytest.approx((dose.mean, dose.low, dose.high), rel=1e-5)
        assert point.status == dose.status
    assert panel.limit == pytest.approx(min(d.mean for d in answer.doses[1:]) + 0.05, rel=1e-5)
    assert [p.is_default for p in panel.points] == [False] * 6 + [True]


def test_an_unstable_dose_has_no_mean_and_stands_at_the_top(views):
    unstable = views["keep"].panel.points[0]
    assert (unstable.status, unstable.y) == ("unstable", views["keep"].panel.domain_y[1])
    assert (unstable.low, unstable.high, unstable.interval, unstable.loses) == (None, None, "–", "–")
    assert unstable.diverged == "4 of 10 runs"
    assert views["keep"].rows[0].status == "unstable: runs diverged"


def test_a_dose_with_runs_of_two_kinds_is_told_from_one_that_diverged(dosed):
    plan, table, _, _ = dosed.l2(n=12)
    arm = plan.doses.curves[0].arms[2]
    far = {plan.seeds[0], plan.seeds[5]}
    traces = [
        replace(t, held_cost=t.held_cost + 1.5) if t.key.arm == arm and t.key.seed in far else t
        for t in table
    ]
    from hunch.evidence import read_curve

    changed = RunTable(table.facts, traces)
    view = make_dose_view(plan, changed, read_curve(plan, changed, plan.doses.curves[0]))
    assert view.rows[2].status == "unstable: some runs lie far out"
    assert view.rows[2].diverged == "0"


def test_the_certified_doses_are_shaded_together_but_never_across_the_gap(views):
    ((low, high),) = views["keep"].panel.regions
    assert 0.7 < low < 0.8 < 0.9 < high < 1.0
    l2 = views["l2"].panel
    zero, others = l2.regions
    assert zero[0] < l2.points[0].x < zero[1] < l2.gap < others[0] < -4.0
    assert -3.0 < others[1] < -2.0


def test_an_uncertified_dose_between_certified_ones_is_not_shaded(dosed):
    values, means = (0.5, 0.6, 0.7, 0.8, 0.9), (0.3, 0.5, 0.3, 0.3, 0.5)
    view = make_dose_view(*dosed.made(("keep_prob",), values, means)[:3])
    first, second = view.panel.regions
    assert first[0] < 0.5 < first[1] < 0.6 < second[0] < 0.7 < 0.8 < second[1] < 0.9


def test_dose_0_of_a_logarithmic_axis_stands_apart_to_the_left(views):
    panel = views["l2"].panel
    assert [label for _, label in panel.ticks] == ["0", "0.0001", "0.001", "0.01", "0.1"]
    assert [at for at, _ in panel.ticks][1:] == [-4.0, -3.0, -2.0, -1.0]
    assert panel.ticks[0][0] < panel.gap < -4.0
    assert [p.piece for p in panel.points] == [0, 1, 1, 1, 1]
    assert len({s.piece for s in panel.seeds if s.x == panel.ticks[0][0]}) == 10
    assert views["keep"].panel.gap is None


def test_nothing_is_joined_across_an_unstable_dose(dosed):
    study = dosed.keep(diverged={(0.7, block) for block in range(5)})
    pieces = [p.piece for p in make_dose_view(*study[:3]).panel.points]
    assert pieces[2] < pieces[3] < pieces[4]
    assert pieces[0] == pieces[1] == pieces[2]


def test_iterations_are_drawn_on_a_logarithmic_axis_of_round_numbers(made, views):
    panel = views["rates"].panel
    assert panel.is_log
    assert panel.ticks_y == (10.0, 20.0, 50.0, 100.0, 200.0)
    best = made["rates"][2].doses[3].mean
    assert panel.limit == pytest.approx(1.2 * best, rel=1e-4)
    scale = plain_spec(dose_chart(panel))["layer"][-1]["encoding"]["y"]["scale"]
    assert scale["type"] == "log"
    assert log_ticks((40.0, 65.0)) == (40.0, 50.0, 60.0)
    assert log_ticks((3.1, 3.2)) == ()


def test_single_seeds_are_all_there_up_to_a_limit_that_is_said(dosed):
    plan, table, answer, _ = dosed.l2(n=MOST_SEEDS + 3)
    panel = make_dose_view(plan, table, answer).panel
    assert {s.seed for s in panel.seeds} == {str(s) for s in plan.seeds[:MOST_SEEDS]}
    assert len(panel.seeds) == MOST_SEEDS * len(answer.doses)
    values = answer.seen.values[:MOST_SEEDS].ravel()
    np.testing.assert_allclose([s.y for s in panel.seeds], values, rtol=1e-5)
    assert panel.notes == ("The thin lines are the first 40 seeds; 3 seeds more are not drawn.",)


def test_runs_beyond_the_axis_are_counted(views):
    panel = views["keep"].panel
    hidden = [s for s in panel.seeds if not panel.domain_y[0] <= s.y <= panel.domain_y[1]]
    assert 0 < len(hidden) < len(panel.seeds)
    assert panel.notes == (f"{len(hidden)} runs lie beyond the axis.",)


def test_a_cell_is_the_darker_the_lower_its_mean(views):
    grid = views["grid"].grid
    assert views["grid"].panel is None
    assert (grid.columns, grid.rows) == (("0.5", "0.7", "0.9", "1"), ("0", "0.001", "0.1"))
    by_shade = sorted(grid.points, key=lambda p: p.shade)
    assert [by_shade[0].shade, by_shade[-1].shade] == [0.0, 1.0]
    assert (by_shade[-1].x, by_shade[-1].y) == ("0.9", "0.001")
    assert grid.title == "Held-out error at each dose, in %"
    assert {p.label for p in grid.points} == {p.mean.removesuffix(" %") for p in grid.points}


def test_marks_differ_by_colour_and_shape_and_only_certified_cells_are_outlined(views):
    for chart, certified in ((dose_chart(views["keep"].panel), None), (grid_chart(views["grid"].grid), 2)):
        spec = plain_spec(chart)
        layer = next(p for p in spec["layer"] if "shape" in p.get("encoding", {}))
        assert layer["encoding"]["color"]["scale"]["domain"] == list(STATUSES)
        assert layer["encoding"]["color"]["scale"]["range"] == "ordinal"
        assert len(set(layer["encoding"]["shape"]["scale"]["range"])) == len(STATUSES)
        if certified is not None:
            outlined = next(p for p in spec["layer"] if p["mark"].get("style") == "hunch-certified")
            assert outlined["transform"] == [{"filter": "datum.status === 'near-optimal'"}]
            assert sum(p.status == "near-optimal" for p in views["grid"].grid.points) == certified


def test_the_default_has_a_ring_and_a_label(views, dosed):
    spec = plain_spec(dose_chart(views["keep"].panel))
    (ring,) = rows_of(spec, "hunch-ring")
    assert (ring["x"], ring["label"]) == (1.0, "default")
    without = plain_spec(dose_chart(make_dose_view(*dosed.keep(default=None)[:3]).panel))
    assert "hunch-ring" not in [style for _, style in marks(without)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_whole_and_points_nowhere(pages, kind):
    reader = Reader(pages[kind])
    assert reader.problems == []
    assert pages[kind].startswith("<!doctype html>")
    headings = [text for level, text in reader.headings if level == "h2"]
    assert headings == [
        "Answer", "The best dose and the default, on fresh seeds", "The doses", "How sure", "How it was done",
    ]  # fmt: skip
    charts = [given for _, given in reader.tags if given.get("role") == "img"]
    assert sorted(given["id"] for given in charts) == sorted(
        given["data-chart"] for given, _ in reader.scripts if "data-chart" in given
    )
    assert all(len(given["aria-label"]) > 20 for given in charts)


def test_the_page_says_what_is_promised_and_where_the_margin_comes_from(pages):
    words = Reader(pages["keep"]).words
    for said in (
        "Each true best dose is excluded as best with probability at most 0.05.",
        "is certified near-optimal with probability at most 0.05.",
        "A false answer about the default, yes or no, is given with probability at most 0.05.",
        "These promises are separate, each with its own alpha.",
        "Every dose was trained on the same 10 seeds",
        "All doses are compared at one learning rate for all.",
        "The margin is 0.05: as asked.",
        "between them nothing is claimed, and no curve was fitted",
        "keep_prob=0.8 ends at a held-out cost",
    ):
        assert said in words, said


def test_the_table_has_every_dose_with_what_it_loses(made, views, pages):
    rows = views["grid"].rows
    assert [row.values for row in rows][:2] == [
        (("0.5", "p=0.5"), ("0", "")),
        (("0.5", "p=0.5"), ("0.001", "")),
    ]
    assert pages["grid"].count('<th scope="row">') == 2 * 12
    best = next(row for row in rows if "lowest mean" in row.about)
    assert best.short == "(0.9, 0.001)"
    assert rows[0].about == "default"
    assert {row.rate for row in rows} == {"0.3"}
    assert re.fullmatch(r"[\d.]+ to [\d.]+ points", rows[0].loses)


def test_the_same_arguments_give_the_same_bytes_and_provenance_one_element(made, pages, dosed):
    plan, table, answer, provenance = made["keep"]
    assert dose_page(plan, table, answer, provenance) == pages["keep"]
    other = dosed.studies.provenance(started="2031-12-24T00:00:00+00:00", machine="elsewhere")
    again = dose_page(plan, table, answer, other)
    assert again != pages["keep"]
    assert without_provenance(again) == without_provenance(pages["keep"])
    slower = RunTable(table.facts, [replace(t, wall_s=1e6) for t in table])
    assert dose_page(plan, slower, answer, provenance) == pages["keep"]


def test_names_are_escaped_everywhere(dosed):
    name = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    facts = dosed.studies.shallow(data_source=name, data_notes=(name,), network=name, engine_reason=name)
    study = dosed.made(
        (f"keep_prob at {name}",), (0.5, 0.8, 1.0), (0.4, 0.3, 0.31), facts=facts, default=0.5, fresh=6,
        notes=(f"note {name}",),
    )  # fmt: skip
    plan, table, answer, _ = study
    reader = Reader(dose_page(plan, table, answer, dosed.studies.provenance(machine=name)))
    assert reader.problems == []
    assert f"note {name}" in reader.words
    assert not [tag for tag, _ in reader.tags if tag == "img"]
    assert len([1 for given, _ in reader.scripts if given.get("type") != "application/json"]) == 2
    for given, text in reader.scripts:
        if given.get("type") == "application/json":
            assert "<" not in text
            json.loads(text)


def test_a_curve_of_which_nothing_is_known_yet_is_said_in_words(dosed):
    plan, table, answer, provenance = dosed.keep(only=0)
    page = dose_page(plan, table, answer, provenance)
    reader = Reader(page)
    assert reader.problems == []
    assert "Not finished: 0 seeds so far have a run at every dose." in reader.words
    assert not [given for _, given in reader.tags if given.get("role") == "img"]
    with pytest.raises(
        PlanError, match=r"there is no curve to draw. Not finished: .*\[report-nothing-to-draw\]"
    ):
        dose_picture(make_dose_view(plan, table, answer), "png")
    assert "not finished" in dose_report_text(plan, table, answer, provenance)


def test_too_few_seeds_are_drawn_and_nothing_is_claimed_of_them(dosed):
    plan, table, answer, _ = dosed.keep(n=4, fresh=0)
    view = make_dose_view(plan, table, answer)
    assert view.panel.regions == ()
    assert "nothing could be decided" in view.headline
    assert view.word == "open"
    assert "fewer than five seeds" in " ".join(view.said)


@pytest.mark.parametrize("change", [{"default": None}, {"default": 0.8}, {"fresh": 0}])
def test_why_there_is_no_comparison_on_fresh_seeds_is_said(dosed, change):
    view = make_dose_view(*dosed.keep(**change)[:3])
    assert view.fresh is None
    assert {"default": "default", "fresh": "No fresh seeds"}[next(iter(change))] in view.fresh_absent


def test_fresh_runs_that_are_not_there_yet_are_said_to_be_missing(dosed):
    study = dosed.keep(only=10)
    assert make_dose_view(*study[:3]).fresh_absent == "Its runs on fresh seeds have not been made yet."


def test_doses_beyond_an_end_are_told(views):
    how = {item.label: item.lines for item in views["l2"].how}
    assert how["Doses"] == (
        "l2: 0, 0.0001, 0.001, 0.01, 0.1.", "l2 1: would have been tried, had the lowest mean lain at that end.",
    )  # fmt: skip
    assert how["Question"][-1] == "The default is l2 0."
    assert "Target and budget" not in how
    assert "Target and budget" in {item.label for item in views["rates"].how}


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_fits_a_terminal_and_has_every_dose(made, views, kind):
    text = dose_report_text(*made[kind])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.endswith("\n")
    for row in views[kind].rows:
        assert f"\n{row.short} " in text


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_stand_alone_in_both_themes(views, kind):
    light, dark = (dose_picture(views[kind], "svg", mode=mode) for mode in ("light", "dark"))
    assert light.startswith(b"<svg")
    assert light != dark
    assert b"var(--" not in light
    assert b"near-optimal" in light
    assert dose_picture(views[kind], "png", scale=0.5).startswith(b"\x89PNG")


def test_a_curve_writes_its_report_in_every_kind(made, tmp_path):
    found = DoseResponse(made["keep"][0], made["keep"][1].facts, made["keep"][3], made["keep"][1])
    beginnings = {
        "html": b"<!doctype html>", "htm": b"<!doctype html>", "txt": b"held-out cost against keep_prob",
        "json": b"{", "png": b"\x89PNG", "svg": b"<svg",
    }  # fmt: skip
    for kind, beginning in beginnings.items():
        path = found.report(tmp_path / f"c.{kind}")
        assert path.read_bytes().startswith(beginning), kind
    assert (tmp_path / "c.txt").read_text(encoding="utf-8") == found.text()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"c.{kind}" for kind in beginnings)
    with pytest.raises(PlanError, match=r"ends in .html, .txt, .json, .png or .svg, got .*c.pdf"):
        found.report(tmp_path / "c.pdf")


def test_infinite_losses_are_words(dosed):
    plan, table, answer, _ = dosed.keep()
    doses = (replace(answer.doses[1], loses_low=0.0, loses_high=math.inf),
             replace(answer.doses[2], loses_low=0.1, loses_high=math.inf), *answer.doses[2:])  # fmt: skip
    rows = make_dose_view(
        plan, table, replace(answer, doses=(answer.doses[0], *doses[:2], *answer.doses[3:]))
    ).rows
    assert [row.loses for row in rows[1:3]] == ["any amount", "0.1 or more"]
