"""The view: every number and sentence of a report, computed from runs whose numbers are known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import NO_MEANINGFUL_DIFFERENCE, REFUTED, UNDECIDED
from hunch.plan import READING_NAMES, Arm, contrast, faster, higher, lower, lower_error, same
from hunch.report.effects import effect_row
from hunch.report.panels import arrival_panel, curve_panels, reading_panels
from hunch.report.readings import READINGS, SHOWN
from hunch.report.series import Point, arrivals, band, drawn_sites, reading_band, significant
from hunch.report.verdicts import MARKS
from hunch.report.view import MOST_RUNS, counted, make_view, shown_readings
from hunch.traces import RunKey, RunTable, SiteFact, Trace

BUDGET = 8
AT = np.array([0, 2, 4, 6, 8])


def run_of(cost, *, arm="none", seed=0, held=0.5, error=0.1, reading=0.3, n_sites=4, **changes):
    """A run whose cost is given; held-out values and readings are constants."""
    readings = np.full((3, len(READING_NAMES), n_sites), np.nan, dtype=np.float32)
    readings[:] = np.asarray(reading, dtype=np.float32)
    given = {
        "key": RunKey("confirm", arm, seed, 0.1, BUDGET),
        "eval_at": AT,
        "cost": np.array(cost, dtype=float),
        "held_at": np.array([4, 8]),
        "held_cost": np.array([held, held], dtype=float),
        "held_error": np.array([error, error], dtype=float),
        "reading_at": np.array([1, 2, 8]),
        "readings": readings,
    }
    return Trace(**(given | changes))


def small(studies, runs, *, arms=("none",), facts=None, **changes):
    """(plan, table) of those runs."""
    seeds = tuple(sorted({r.key.seed for r in runs})) or (0,)
    given = {"seeds": seeds, "budget": BUDGET, "target": 1.0, "claims": ()}
    plan = studies.plan(arms=arms, **(given | changes))
    return plan, RunTable(facts or studies.facts(), runs)


def test_a_band_is_the_median_and_the_10th_and_90th_percentile_over_seeds():
    runs = [run_of([k] * 5, seed=k) for k in range(11)]
    found = band("none", runs, "cost", floor=99.0)
    assert found.runs == 11
    assert found.points[2] == Point(4, 1.0, 5.0, 9.0)
    assert [p.iteration for p in found.points] == AT.tolist()


def test_a_run_that_diverged_counts_as_at_most_the_constant_and_others_as_they_are():
    gone = run_of([2.5, 1e9, math.nan, math.nan, math.nan], diverged_at=3)
    found = band("none", [gone], "cost", floor=2.3)
    assert [p.mid for p in found.points] == [2.3, 2.3, 2.3, 2.3, 2.3]
    high = band("none", [run_of([50.0, 9.0, 4.0, 2.0, 1.0])], "cost", floor=2.3)
    assert [p.mid for p in high.points] == [50.0, 9.0, 4.0, 2.0, 1.0]


def test_there_is_no_band_without_runs():
    assert band("none", [], "cost", floor=1.0) is None
    assert reading_band("none", [], "slope", 0, log=False) is None


def test_a_run_that_diverged_never_reaches_even_if_it_touched_the_target():
    runs = [run_of([3, 0.5, 0.5, 0.5, 0.5]), run_of([3, 0.5, 0.5, math.nan, math.nan], seed=1, diverged_at=6)]
    times, reached = arrivals(runs, "train", 1.0)
    assert times[0] == pytest.approx(2 * (3 - 1.0) / (3 - 0.5))
    assert (reached.tolist(), times[1]) == ([True, False], math.inf)


def test_the_arrival_steps_rise_by_one_run_each_and_reach_to_the_budget(studies):
    runs = [
        run_of([3, 1.0, 1.0, 1.0, 1.0], seed=0),
        run_of([3, 3, 3, 1.0, 1.0], seed=1),
        run_of([3, 3, 3, 3, 3], seed=2),
        run_of([3, 3, 3, 3, 3], seed=3),
    ]
    plan, table = small(studies, runs)
    panel = arrival_panel(plan, table)
    assert panel.steps[0].points == ((0.0, 0.0), (2.0, 0.25), (6.0, 0.5), (8.0, 0.5))
    assert "none: 2 of 4 runs" in panel.alt
    assert panel.absent == ""


def test_a_median_that_is_censored_is_said_to_be_above_the_budget(studies):
    fast, slow = [3, 1.0, 1.0, 1.0, 1.0], [3] * 5
    runs = [run_of(c, seed=k) for k, c in enumerate([fast, slow, slow])]
    plan, table = small(studies, runs)
    arm = make_view(plan, table, []).arms[0]
    assert (arm.reached, arm.iterations) == ("1 of 3", "> 8")
    plan, table = small(studies, [run_of(c, seed=k) for k, c in enumerate([fast, fast, slow])])
    assert make_view(plan, table, []).arms[0].iterations == "2"


def test_final_costs_count_at_most_as_the_constant_and_errors_as_they_are(studies):
    assert counted(5.0, 2.3) == 2.3
    assert counted(math.nan, 2.3) == 2.3
    assert counted(0.95, 0.9, at_most=False) == 0.95
    plan, table = small(studies, [run_of([3, 3, 3, 3, 40.0], held=40.0, error=0.95)])
    arm = make_view(plan, table, []).arms[0]
    assert (arm.cost, arm.held_out_cost, arm.held_out_error) == ("2.3", "2.3", "95 %")


def test_a_summary_shows_the_mean_with_as_many_decimals_as_its_deviation(studies):
    plan, table = small(studies, [run_of([3, 3, 3, 3, c], seed=k) for k, c in enumerate([0.1, 0.2, 0.3])])
    assert make_view(plan, table, []).arms[0].cost == "0.20 ± 0.10"
    plan, table = small(studies, [run_of([1] * 5, seed=k) for k in range(3)])
    assert make_view(plan, table, []).arms[0].cost == "1 ± 0"


def test_readings_in_the_summary_are_means_over_run_layers_and_seeds(studies):
    runs = [run_of([1] * 5, seed=k, reading=0.2 + 0.2 * k) for k in range(2)]
    plan, table = small(studies, runs)
    assert make_view(plan, table, []).arms[0].readings == ("0.3",) * len(SHOWN)


def test_a_reading_that_applies_nowhere_is_said_to_be_na(studies):
    facts = studies.facts(sites=(SiteFact("0", 4, 3, "relu"), SiteFact("2", 3, 2, None)))
    runs = [run_of([1] * 5, n_sites=2, reading=math.nan)]
    plan, table = small(studies, runs, facts=facts)
    panel = reading_panels(plan, table, ("saturation",))[0]
    assert panel.absent == "Does not apply (NA): relu has no bounds to saturate at."
    assert panel.sites == ()
    assert make_view(plan, table, []).arms[0].readings[0] == "NA"


def test_a_reading_that_applies_to_some_layers_says_to_which_it_does_not(studies):
    reading = np.full((3, len(READING_NAMES), 4), 0.3)
    reading[:, :, 3] = math.nan
    plan, table = small(studies, [run_of([1] * 5, reading=reading)])
    panel = reading_panels(plan, table, ("slope",))[0]
    assert [s.site for s in panel.sites] == ["0", "2", "4"]
    assert panel.notes == ("Does not apply (NA) at 6.",)
    assert panel.sites[0].about == "64 → 100, sigmoid"


def test_on_a_logarithmic_axis_a_reading_of_0_has_no_place(studies):
    reading = np.full((3, len(READING_NAMES), 4), 0.1)
    reading[1] = 0.0
    found = reading_band("none", [run_of([1] * 5, reading=reading)], "update_shift", 0, log=True)
    assert [p.iteration for p in found.points] == [1, 8]
    half = [run_of([1] * 5, seed=k, reading=0.1 * k) for k in range(3)]
    point = reading_band("none", half, "update_shift", 0, log=True).points[0]
    assert (point.low, point.mid) == (pytest.approx(0.02), pytest.approx(0.1))
    plan, table = small(studies, half)
    panel = reading_panels(plan, table, ("update_shift",))[0]
    assert panel.domain[0] > 0


def test_readings_of_one_kind_share_an_axis_that_fits_small_shares(studies):
    plan, table = small(studies, [run_of([1] * 5, reading=0.013)])
    assert reading_panels(plan, table, ("inactive",))[0].domain == (0.0, 0.02)
    plan, table = small(studies, [run_of([1] * 5, reading=0.9)])
    assert reading_panels(plan, table, ("saturation",))[0].domain == (0.0, 1.0)


def test_many_layers_are_thinned_evenly_with_first_and_last_kept(studies):
    sites = tuple(SiteFact(str(k), 4, 4, "tanh") for k in range(30))
    assert drawn_sites(sites) == (0, 6, 12, 17, 23, 29)
    plan, table = small(studies, [run_of([1] * 5, n_sites=30)], facts=studies.facts(sites=sites))
    panel = reading_panels(plan, table, ("slope",))[0]
    assert [s.site for s in panel.sites] == ["0", "6", "12", "17", "23", "29"]
    assert panel.notes == ("6 of 30 layers are drawn.",)


def test_a_low_target_starts_the_axis_out_logarithmic(studies):
    runs = [run_of([10, 5, 1, 0.1, 0.05])]
    assert curve_panels(*small(studies, runs, target=0.2))[0].log
    assert not curve_panels(*small(studies, runs, target=5.0))[0].log
    flat = curve_panels(*small(studies, [run_of([10, 5, 1, 0.0, 0.0])], target=0.2))[0]
    assert not flat.can_log
    assert not flat.log


def test_the_curve_that_the_target_is_about_comes_first_and_alone_is_marked(studies):
    runs = [run_of([1] * 5)]
    panels = curve_panels(*small(studies, runs))
    assert [(p.kind, p.target) for p in panels] == [("cost", 1.0), ("held_out_error", None)]
    panels = curve_panels(*small(studies, runs, metric="held_out"))
    assert [(p.kind, p.target) for p in panels] == [("held_out_cost", 1.0), ("held_out_error", None)]
    claims = (lower("gap", "before", than="none"),)
    panels = curve_panels(*small(studies, runs, arms=("none", "before"), claims=claims))
    assert [p.kind for p in panels] == ["cost", "held_out_error", "held_out_cost"]


def test_an_effect_on_iterations_is_drawn_as_a_ratio(studies):
    claim = faster("before", than="none")
    verdict = studies.verdict(claim, effect=math.log(2), low=math.log(1.5), high=math.log(3))
    row = effect_row(verdict, "share", [verdict])
    assert (row.effect, row.low, row.high, row.zero) == (2.0, 1.5, 3.0, 1.0)
    assert (row.margin_low, row.margin_high) == (0.9091, 1.1)
    assert row.axis == "Iterations of none ÷ iterations of before"
    assert row.interval == "1.5 to 3"


@pytest.mark.parametrize(
    ("claim", "axis"),
    [
        (lower_error("a", than="b"), "Held-out error of b − held-out error of a"),
        (higher("slope", "a", than="b", site="f.3"), "Slope at f.3 of a − slope at f.3 of b"),
        (
            contrast("iterations", {"a": 1, "b": -2, "c": 1}),
            "Effect in the claim's direction (a ratio of iterations)",
        ),
    ],
)
def test_the_axis_says_what_is_taken_from_what(studies, claim, axis):
    verdict = studies.verdict(claim)
    assert effect_row(verdict, "share", [verdict]).axis == axis


def test_a_bound_ends_in_an_arrow_on_its_open_side(studies):
    claim = faster("before", than="none")
    up = studies.verdict(claim, effect=1.0, low=0.8, high=None, bound="at_least")
    row = effect_row(up, "share", [up])
    assert row.high is None
    assert row.interval == "at least 2.23"
    assert row.domain[1] > math.exp(1.0)
    down = studies.verdict(claim, REFUTED, effect=-1.0, low=-math.inf, high=-0.8, bound="at_least")
    row = effect_row(down, "share", [down])
    assert (row.low, row.interval) == (None, "at most 0.449")
    assert 0 < row.domain[0] < math.exp(-1.0)


def test_effects_on_one_outcome_share_an_axis_and_others_do_not(studies):
    near = studies.verdict(faster("before", than="after"), effect=0.1, low=-0.1, high=0.3)
    far = studies.verdict(faster("before", than="none"), effect=2.0, low=1.8, high=2.2)
    other = studies.verdict(lower_error("before", than="none"), effect=0.01, low=0.0, high=0.02, margin=0.005)
    rows = [effect_row(v, "share", [near, far, other]) for v in (near, far, other)]
    assert rows[0].domain == rows[1].domain
    assert rows[2].domain[1] < 0.1
    assert rows[2].percent
    assert "estimate 1 point, interval 0 to 2 points" in rows[2].alt


def test_nothing_to_estimate_from_is_no_picture(studies):
    nothing = studies.verdict(
        faster("before", than="none"), UNDECIDED, math.nan, math.nan, math.nan, seeds=0, reason="no seed"
    )
    assert effect_row(nothing, "share", [nothing]) is None
    known = studies.verdict(faster("before", than="none"))
    assert effect_row(known, "share", [known, nothing]) is not None


def test_a_claim_that_arms_are_alike_is_known_as_one(studies):
    verdict = studies.verdict(same("before", "none"), NO_MEANINGFUL_DIFFERENCE, 0.0, -0.05, 0.05)
    assert effect_row(verdict, "share", [verdict]).is_same


def test_runs_are_listed_in_the_order_of_the_arms_with_their_outcomes(studies):
    runs = [
        run_of([3, 1, 1, 1, 1], seed=0),
        run_of([3] * 5, seed=1),
        run_of([3, math.nan, math.nan, math.nan, math.nan], seed=2, diverged_at=2),
        run_of([math.nan] * 5, seed=3, failed="ValueError in forward"),
        run_of([3] * 5, arm="after", seed=0),
    ]
    plan, table = small(studies, runs, arms=("none", "after"))
    view = make_view(plan, table, [])
    assert [(r.arm, r.outcome, r.iterations) for r in view.runs] == [
        ("none", "reached the target", "2"),
        ("none", "budget exhausted", "> 8"),
        ("none", "diverged at 2", "–"),
        ("none", "failed: ValueError in forward", "–"),
        ("after", "budget exhausted", "> 8"),
    ]
    assert [r.cost for r in view.runs] == ["1", "3", "–", "–", "3"]
    assert (view.arms[0].runs, view.arms[0].failed, view.arms[0].diverged) == (3, 1, 1)
    assert view.divergence.startswith("Runs that diverged: none: 1 of 3.")


def test_very_many_runs_are_not_all_listed(studies):
    runs = [run_of([1] * 5, seed=k) for k in range(MOST_RUNS + 5)]
    view = make_view(*small(studies, runs), [])
    assert (len(view.runs), view.runs_left_out) == (MOST_RUNS, 5)


def test_pilot_runs_are_in_no_curve_and_no_table(studies):
    pilot = run_of([9] * 5, key=RunKey("pilot", "none", 800_000, 0.1, BUDGET))
    plan, table = small(studies, [run_of([1] * 5), pilot], seeds=(0,))
    view = make_view(plan, table, [])
    assert len(view.runs) == 1
    assert view.curves[0].bands[0].points[0].high == 1.0
    assert any("1 confirm, 1 pilot" in line for item in view.how for line in item.lines)


def test_a_study_without_runs_says_so_instead_of_drawing_nothing(studies):
    plan = studies.plan(budget=None, target=None, rates=(), margins=())
    view = make_view(plan, RunTable(studies.facts(), []), [])
    assert all("nothing to draw" in p.absent for p in (*view.curves, *view.readings))
    assert view.no_verdict.startswith("Nothing is decided yet")
    assert (view.arms[0].reached, view.arms[0].cost, view.arms[0].lr) == ("–", "–", "–")


def test_without_a_target_the_pilots_reason_is_given(studies):
    runs = [run_of([3] * 5)]
    why = "No arm learned in the pilot."
    plan, table = small(studies, runs, target=None, notes=(why,))
    assert arrival_panel(plan, table).absent == f"There is no target, so no run can reach it. {why}"
    plan, table = small(studies, runs, target=None)
    assert arrival_panel(plan, table).absent == "No claim is about iterations, so no target was set."
    assert make_view(plan, table, []).runs[0].outcome == "finished"


def test_without_a_claim_the_study_only_measures(studies):
    view = make_view(*small(studies, [run_of([1] * 5)]), [])
    assert view.title == "none: what happened"
    assert view.no_verdict.startswith("No claim was made")


def test_the_title_is_the_first_claim(studies):
    plan, table, verdicts, _ = studies.demo()
    view = make_view(plan, table, verdicts)
    assert (view.title, view.title_more) == ("before faster than none?", "and 2 more claims")
    one = replace(plan, claims=plan.claims[:1], margins=plan.margins[:1])
    assert make_view(one, table, verdicts[:1]).title_more == ""


def test_a_reading_that_a_claim_is_about_is_shown_besides_the_usual_ones(studies):
    claims = (lower("gradient_norm", "before", than="none"), lower("slope", "before", than="none"))
    assert shown_readings(studies.plan(claims=claims)) == (*SHOWN, "gradient_norm")


def test_how_it_was_done_names_what_others_need_to_do_it_again(studies):
    plan, table, verdicts, _ = studies.demo()
    view = make_view(plan, table, verdicts)
    said = {item.label: " ".join(item.lines) for item in view.how}
    assert "0 to 19" in said["Seeds"]
    assert "800000 to 800004" in said["Seeds"]
    assert "Target 0.25" in said["Target and budget"]
    assert "none 1, before 0.3, after 0.1" in said["Learning rates"]
    assert "at these learning rates" in said["Learning rates"]
    assert said["What the pilot found"] == plan.notes[0]
    assert "1,437 examples" in said["Data"]
    assert said["Engine"].startswith("native: the network is a chain")
    assert "98.33 %" in " ".join(view.sure.method)
    assert any(line.startswith("easier target") for line in view.sure.others[0].lines)
    assert plan.hash in said["Fingerprints"]
    assert said["Readings"].count(":") >= len(SHOWN)


def test_a_target_and_budget_that_were_asked_for_are_called_so(studies):
    runs = [run_of([1] * 5)]
    plan, table = small(studies, runs, asked_budget=8, asked_target=1.0)
    said = " ".join(line for item in make_view(plan, table, []).how for line in item.lines)
    assert "Target 1, as asked" in said
    assert "Budget 8 iterations a run, as asked." in said


def test_regression_errors_are_numbers_and_not_per_cent(studies):
    facts = studies.facts(error_unit="target", error0=3.0)
    view = make_view(*small(studies, [run_of([1] * 5, error=1.25)], facts=facts), [])
    assert view.arms[0].held_out_error == "1.25"
    assert view.error_word == "held-out error (root mean squared)"
    assert not view.curves[1].percent


def test_every_reading_has_a_text_and_every_decision_a_sign():
    assert set(READINGS) == set(READING_NAMES)
    assert set(SHOWN) <= set(READINGS)
    assert all(len(text.short) <= 12 for text in READINGS.values())
    assert len(set(MARKS.values())) == 4


def test_numbers_to_draw_keep_four_digits():
    assert significant(0.000123456) == 0.0001235
    assert significant(0.0) == 0.0
    assert significant(-math.inf) == -math.inf


def test_the_same_runs_in_another_order_give_the_same_view(studies):
    plan, table, verdicts, _ = studies.demo()
    shuffled = RunTable(table.facts, list(table)[::-1])
    assert make_view(plan, shuffled, verdicts) == make_view(plan, table, verdicts)


def test_an_arm_outside_the_usual_words_is_described(studies):
    plan, table = small(studies, [run_of([1] * 5)])
    plan = replace(plan, arms=(Arm("none", keep_prob=0.8).resolved(100),))
    assert "nn.Dropout(p=0.2)" in make_view(plan, table, []).arms[0].description
