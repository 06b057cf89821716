from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_study import all_traces, make_trace

from hunch.errors import PlanError
from hunch.plan import READING_NAMES
from hunch.stats import arrival_times

COLUMNS = ["arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s"]


def one(frame, arm, seed):
    return frame.loc[(frame["arm"] == arm) & (frame["seed"] == seed)].iloc[0]


# --- runs ----------------------------------------------------------------------------------------


def test_the_frame_has_a_row_for_each_confirm_run_in_the_plans_order(mixed, plan):
    frame = mixed.frame()
    assert list(frame.columns) == COLUMNS
    assert frame["arm"].tolist() == ["none"] * 12 + ["before"] * 12
    assert frame["seed"].tolist() == [*plan.seeds, *plan.seeds]
    assert frame["lr"].tolist() == [0.3] * 12 + [1.0] * 12
    assert list(frame.index) == list(range(24))


def test_seeds_stand_in_the_order_in_which_they_were_given(plan, make_study):
    turned = replace(plan, seeds=(7, 3, 11))
    assert make_study(plan=turned).frame()["seed"].tolist() == [7, 3, 11, 7, 3, 11]


def test_every_stage_has_its_rows_and_all_have_a_column_for_it(mixed):
    every = mixed.frame("all")
    assert list(every.columns) == ["stage", *COLUMNS]
    assert every["stage"].tolist() == ["pilot"] * 4 + ["confirm"] * 24
    assert mixed.frame(stage="pilot")["seed"].tolist() == [800_000, 800_001] * 2
    assert len(mixed.frame("tune")) == 0


def test_outcomes_are_named_and_iterations_are_missing_unless_the_target_was_reached(mixed):
    frame = mixed.frame()
    found = [one(frame, "none", seed)["outcome"] for seed in (0, 1, 2, 3, 4)]
    assert found == ["failed", "diverged", "diverged", "budget_exhausted", "reached"]
    assert frame["iterations"].dtype == pd.Float64Dtype()
    assert frame["iterations"].isna().equals(frame["outcome"] != "reached")
    assert one(frame, "none", 0)["iterations"] is pd.NA
    assert np.isnan(one(frame, "none", 0)["cost"])
    assert np.isnan(one(frame, "none", 1)["cost"])


def test_numbers_are_those_of_the_last_evaluation_and_the_time_is_interpolated(mixed):
    row = one(mixed.frame(), "before", 5)
    trace = make_trace("before", 5)
    times, _ = arrival_times(trace.eval_at, trace.cost, 0.3)
    assert row["iterations"] == float(times)
    assert row["iterations"] % 1 > 0
    assert (row["cost"], row["held_out_cost"]) == (trace.cost[-1], trace.held_cost[-1])
    assert (row["held_out_error"], row["wall_s"]) == (trace.held_error[-1], trace.wall_s)


def test_the_target_is_about_the_metric_of_the_plan(plan, make_study):
    train = make_study().frame()
    held = make_study(plan=replace(plan, metric="held_out")).frame()
    assert (held["iterations"] > train["iterations"]).all()


def test_without_a_target_nothing_reaches(plan, make_study):
    frame = make_study(plan=replace(plan, target=None)).frame()
    assert set(frame["outcome"]) == {"budget_exhausted"}
    assert frame["iterations"].isna().all()


def test_the_order_of_the_runs_given_changes_nothing(plan, make_study):
    left, right = make_study(), make_study(all_traces(plan)[::-1])
    for name in ("frame", "curves", "readings"):
        pd.testing.assert_frame_equal(getattr(left, name)(), getattr(right, name)())


def test_frames_are_fresh_copies(make_study):
    study = make_study()
    study.frame()["cost"] = 0.0
    study.curves()["cost"] = 0.0
    study.readings()["value"] = 0.0
    assert (study.frame()["cost"] > 0).all()
    assert (study.curves()["cost"] > 0).all()
    assert (study.readings()["value"] > 0).any()


def test_a_study_without_runs_has_empty_frames_of_the_same_types(make_study):
    empty, full = make_study([]), make_study()
    for name in ("frame", "curves", "readings"):
        got = getattr(empty, name)()
        assert len(got) == 0
        assert got.dtypes.equals(getattr(full, name)().dtypes)


# --- curves --------------------------------------------------------------------------------------


def test_curves_have_a_row_for_each_evaluation_and_gaps_where_nothing_was_held_out(make_study):
    curves = make_study().curves("before")
    assert list(curves.columns) == [
        "arm", "seed", "iteration", "cost", "held_out_cost", "held_out_error",
    ]  # fmt: skip
    assert set(curves["arm"]) == {"before"}
    trace = make_trace("before", 3)
    mine = curves.loc[curves["seed"] == 3]
    assert mine["iteration"].tolist() == trace.eval_at.tolist()
    assert mine["cost"].tolist() == trace.cost.tolist()
    held = mine.dropna(subset="held_out_cost")
    assert held["iteration"].tolist() == trace.held_at.tolist()
    assert held["held_out_error"].tolist() == trace.held_error.tolist()


def test_curves_of_one_metric_have_no_gaps(make_study):
    study = make_study()
    train, held = study.curves(metric="train"), study.curves(metric="held_out")
    assert list(train.columns) == ["arm", "seed", "iteration", "cost"]
    assert list(held.columns) == ["arm", "seed", "iteration", "held_out_cost", "held_out_error"]
    assert not train.isna().any(axis=None)
    assert not held.isna().any(axis=None)


def test_evaluations_at_other_iterations_get_rows_of_their_own(plan, make_study):
    trace = make_trace("none", 0)
    odd = replace(trace, held_at=trace.held_at + 1)
    curves = make_study([odd]).curves()
    assert curves["iteration"].is_monotonic_increasing
    assert curves["cost"].count() == len(trace.eval_at)
    assert curves["held_out_cost"].count() == len(trace.held_at)


def test_failed_runs_have_no_curve_and_diverged_ones_stop(mixed):
    curves = mixed.curves("none")
    assert 0 not in set(curves["seed"])
    stopped = curves.loc[curves["seed"] == 1]
    assert stopped["cost"].notna().sum() == 10
    assert len(stopped) == len(make_trace("none", 1).eval_at)


def test_the_rate_is_shown_where_an_arm_runs_at_several(plan, make_study):
    rates = (0.1, 1.0)
    study = make_study(
        [make_trace("none", s, stage="pilot", lr=lr) for s in plan.pilot_seeds for lr in rates]
    )
    assert list(study.curves(stage="pilot").columns)[:4] == ["arm", "seed", "lr", "iteration"]
    assert list(study.curves(stage="all").columns)[:5] == ["stage", "arm", "seed", "lr", "iteration"]
    assert set(study.readings(stage="pilot")["lr"]) == {0.1, 1.0}


# --- readings ------------------------------------------------------------------------------------


def test_readings_have_a_row_where_they_apply(make_study):
    readings = make_study().readings("before")
    assert list(readings.columns) == ["arm", "seed", "site", "step", "reading", "value"]
    trace = make_trace("before", 3)
    mine = readings.loc[readings["seed"] == 3]
    assert len(mine) == np.isfinite(trace.readings).sum()
    assert set(mine.loc[mine["site"] == "2", "reading"]) == set(READING_NAMES[3:])
    slope = mine.query("site == '0' and reading == 'slope'")
    assert slope["step"].tolist() == trace.reading_at.tolist()
    assert slope["value"].tolist() == trace.readings[:, READING_NAMES.index("slope"), 0].tolist()


# --- what cannot be asked for --------------------------------------------------------------------


@pytest.mark.parametrize("ask", ["frame", "curves", "readings"])
def test_an_unknown_stage_is_refused_with_the_stages_there_are(make_study, ask):
    with pytest.raises(
        PlanError, match=r"pilot, tune, tune_held, confirm, train or all, got 'test'.*\[results-stage\]"
    ):
        getattr(make_study(), ask)(stage="test")


def test_an_unknown_arm_or_metric_is_refused(make_study):
    with pytest.raises(PlanError, match=r"no arm 'after'. The arms are none, before"):
        make_study().curves("after")
    with pytest.raises(PlanError, match=r"no arm 'after'"):
        make_study().readings("after")
    with pytest.raises(PlanError, match=r"train, held_out, or None for both, got 'test'.*\[results-metric\]"):
        make_study().curves(metric="test")
