"""`DoseResponse`: columns, JSON and words, from made runs."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_study import BUDGET, make_facts, make_plan, make_provenance, make_trace

from hunch.errors import PlanError
from hunch.evidence import dose_claim
from hunch.plan import Arm, Curve, Doses, Plan, Spare
from hunch.results import DoseResponse
from hunch.traces import RunKey, RunTable

MEANS = {"l2=0": 1.2, "l2=0.1": 0.8, "l2=1": 1.5, "l2=10": 0.4}
ONE = Curve(("l2",), ("l2=0", "l2=0.1", "l2=1"), ((0.0,), (0.1,), (1.0,)), (), "l2=0")


def plan_of(curve, outcome="held_out_cost", n=6, fresh=6, **changes):
    arms = tuple(Arm(name).resolved(1437) for name in reversed(curve.arms))  # another order than the curve's
    plan = make_plan(
        n + fresh, arms=arms, claims=(dose_claim(outcome, curve.arms),), doses=Doses(outcome, (curve,), n)
    )
    settings = {
        "budget": BUDGET, "target": 0.5, "rates": tuple((arm.name, 0.3) for arm in arms), "tuning": "once",
        "margins": (math.log(1.1) if outcome == "iterations" else 0.05,),
    }  # fmt: skip
    return replace(plan, **(settings | changes))


def run(arm, seed, held_cost, **changes):
    made = make_trace("none", seed)
    held = np.full(len(made.held_at), float(held_cost))
    return replace(
        made, key=RunKey("confirm", arm, seed, 0.3, BUDGET), held_cost=held, held_error=held / 10, **changes
    )


def runs(plan, means=None, seeds=None, **changes):
    """A run for every arm that is named, at every seed of the curve."""
    rng = np.random.default_rng(1)
    n = plan.doses.n_seeds
    return [
        run(arm, seed, mean + 0.02 * rng.normal(), **changes)
        for arm, mean in (means or {a: MEANS[a] for a in plan.doses.curves[0].base}).items()
        for seed in (plan.seeds[:n] if seeds is None else seeds)
    ]


def response(plan, traces, **facts):
    facts = make_facts(**facts)
    return DoseResponse(plan, facts, make_provenance(), RunTable(facts, traces))


@pytest.fixture
def found():
    plan = plan_of(ONE)
    fresh = runs(plan, {a: MEANS[a] for a in ("l2=0", "l2=0.1")}, plan.seeds[6:])
    return response(plan, [*runs(plan), *fresh])


def test_what_a_curve_shows_is_there_by_name(found):
    assert found.knobs == ("l2",)
    assert [d.value for d in found.doses] == [(0.0,), (0.1,), (1.0,)]
    assert found.best is found.doses[1]
    assert found.near_optimal == (found.doses[1],)
    assert found.default_is_good_enough == "no"
    assert found.confirmed.decision == "supported"
    assert found.is_complete
    assert found.path is None
    assert found.answer is found.answer, "computed once"


def test_the_frame_has_dose_and_the_columns_of_a_study_doses_rising(found):
    frame = found.frame()
    assert list(frame.columns) == [
        "dose", "arm", "seed", "lr", "outcome", "iterations", "cost", "held_out_cost", "held_out_error", "wall_s",
    ]  # fmt: skip
    assert frame["dose"].dtype == np.float64
    assert frame["dose"].tolist() == [0.0] * 6 + [0.1] * 6 + [1.0] * 6
    assert frame["seed"].tolist() == [0, 1, 2, 3, 4, 5] * 3
    assert list(frame.index) == list(range(18))
    means = frame.groupby("dose")["held_out_cost"].mean()
    assert [d.mean for d in found.doses] == pytest.approx(means.tolist())


def test_fresh_seeds_and_other_stages_are_no_part_of_the_frame(found):
    assert max(found.frame()["seed"]) == 5
    pilot = [replace(t, key=replace(t.key, stage="pilot", seed=800_000)) for t in found.table]
    again = response(found.plan, [*found.table, *pilot[:1]])
    pd.testing.assert_frame_equal(again.frame(), found.frame())


def test_two_knobs_are_two_columns():
    values = ((0.5, 0.0), (0.5, 0.1), (1.0, 0.0), (1.0, 0.1))
    names = tuple(f"keep_prob={a:g}, l2={b:g}" for a, b in values)
    plan = plan_of(Curve(("keep_prob", "l2"), names, values, (), names[2]))
    found = response(plan, runs(plan, dict(zip(names, (1.0, 1.2, 0.8, 0.9), strict=True))))
    frame = found.frame()
    assert list(frame.columns[:3]) == ["keep_prob", "l2", "arm"]
    assert list(zip(frame["keep_prob"], frame["l2"], strict=True)) == [v for v in values for _ in range(6)]
    curve = found.curve()
    assert list(curve.columns[:3]) == ["keep_prob", "l2", "status"]
    assert curve["l2"].tolist() == [0.0, 0.1, 0.0, 0.1]
    assert found.knobs == ("keep_prob", "l2")
    assert repr(found).startswith("<DoseResponse of keep_prob × l2: 4 doses, 6 seeds, ")
    assert found.to_json()["best"] == [1.0, 0.0]


def test_the_curve_is_a_table_of_the_doses(found):
    curve = found.curve()
    assert list(curve.columns) == [
        "dose", "status", "mean", "low", "high", "loses_low", "loses_high", "is_excluded", "is_worse", "diverged",
    ]  # fmt: skip
    assert curve["dose"].tolist() == [0.0, 0.1, 1.0]
    assert curve["status"].tolist() == ["excluded as best", "near-optimal", "excluded as best"]
    for name in (
        "status",
        "mean",
        "low",
        "high",
        "loses_low",
        "loses_high",
        "is_excluded",
        "is_worse",
        "diverged",
    ):
        assert curve[name].tolist() == [getattr(dose, name) for dose in found.doses]


def test_json_holds_everything_as_plain_values(found):
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert said["knobs"] == ["l2"]
    assert (said["outcome"], said["margin"], said["alpha"], said["seeds"]) == ("held_out_cost", 0.05, 0.05, 6)
    assert said["text"] == str(found).splitlines()
    assert [d["status"] for d in said["doses"]] == [d.status for d in found.doses]
    assert (said["best"], said["default"], said["default_is_good_enough"]) == ([0.1], [0.0], "no")
    assert said["confirmed"]["decision"] == "supported"
    assert said["confirmed"]["claim"]["weights"] == [["l2=0.1", -1.0], ["l2=0", 1.0]]
    assert said["complete"] is True
    assert said["plan_hash"] == found.plan.hash
    assert Plan.from_json(said["plan"]) == found.plan
    assert said["facts"]["n_train"] == 1437
    assert said["provenance"]["machine"] == "a test machine, 2 cores"


def test_json_of_what_is_not_known_has_none_and_no_nan():
    plan = plan_of(ONE)
    diverged = runs(plan, {"l2=1": 1.0}, diverged_at=3)
    found = response(plan, [*runs(plan, {"l2=0": 1.2, "l2=0.1": 0.8}), *diverged])
    assert found.doses[2].status == "unstable"
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert said["doses"][2]["mean"] is None
    assert said["confirmed"] is None
    empty = response(plan, [])
    said = json.loads(json.dumps(empty.to_json(), allow_nan=False))
    assert (said["best"], said["complete"], said["seeds"]) == (None, False, 0)


def test_print_says_it_and_repr_counts(found):
    text = str(found)
    assert text.startswith("held-out cost against l2: 3 doses on 6 seeds, at these learning rates\n")
    assert "\ncertified near-optimal (lose at most 0.05): 0.1\n" in text
    assert "\nexcluded as best: 0, 1\n" in text
    assert "\nthe default, l2 0, is not good enough: it loses at least " in text
    assert "\nlowest mean: l2 0.1, 0.8" in text
    assert "\non fresh seeds: supported: " in text
    assert "not finished" not in text
    assert repr(found) == "<DoseResponse of l2: 3 doses, 6 seeds, 1 near-optimal>"


def test_keep_probabilities_are_said_in_both_conventions():
    names = ("keep_prob at 0=0.5", "keep_prob at 0=0.8", "keep_prob at 0=1")
    plan = plan_of(Curve(("keep_prob at 0",), names, ((0.5,), (0.8,), (1.0,)), (), names[2]))
    text = str(response(plan, runs(plan, dict(zip(names, (1.5, 0.8, 1.2), strict=True)))))
    assert "the default, keep 1 (PyTorch nn.Dropout(p=0)) at 0, is not good enough" in text
    assert "lowest mean: keep 0.8 (PyTorch nn.Dropout(p=0.2)) at 0" in text


def test_errors_are_in_points_and_iterations_are_times():
    plan = plan_of(ONE, "held_out_error", margins=(0.02,))
    text = str(response(plan, runs(plan)))
    assert text.startswith("held-out error against l2")
    assert "lose at most 2 points" in text
    assert "lowest mean: l2 0.1, 8" in text
    assert " %" in text
    assert "2 points" not in str(response(plan, runs(plan), error_unit="target"))
    plan = plan_of(ONE, "iterations")
    text = str(response(plan, runs(plan)))
    assert text.startswith("iterations to the target against l2")
    assert "to cost 0.5\n" in text
    assert "lowest mean: l2 0, 110" in text


def test_without_a_target_the_words_say_what_to_do():
    plan = plan_of(ONE, "iterations", target=None)
    found = response(plan, runs(plan))
    assert "undecided: no dose learned in the pilot, so there is no target. Give a larger budget=" in str(
        found
    )
    assert found.best is None
    assert found.default_is_good_enough == "unknown"
    assert found.near_optimal == ()
    assert found.curve()["status"].tolist() == ["unknown"] * 3


def test_what_users_call_things_is_escaped_for_notebooks():
    names = ("keep_prob at <b>=0.5", "keep_prob at <b>=1")
    plan = plan_of(Curve(("keep_prob at <b>",), names, ((0.5,), (1.0,)), (), names[1]))
    page = response(plan, runs(plan, dict(zip(names, (1.5, 0.8), strict=True))))._repr_html_()
    assert "<b>" not in page
    assert "keep_prob at &lt;b&gt;" in page


# ------------------------------------------------------------------ is it finished?


def test_a_curve_without_some_run_is_not_finished(found):
    plan = found.plan
    for missing in ({"l2=1"}, {"l2=0", "l2=0.1", "l2=1"}):
        kept = [t for t in runs(plan) if t.key.seed != 5 or t.key.arm not in missing]
        part = response(plan, kept)
        assert not part.is_complete
        assert str(part).splitlines()[-1].startswith("(not finished; the same call")
        assert "not finished" in part._repr_html_()
    assert not response(replace(plan, budget=None, rates=(), margins=()), []).is_complete


def test_a_curve_whose_fresh_runs_are_missing_is_not_finished(found):
    plan = found.plan
    assert not response(plan, runs(plan)).is_complete
    some = runs(plan, {a: MEANS[a] for a in ("l2=0", "l2=0.1")}, plan.seeds[6:-1])
    assert not response(plan, [*runs(plan), *some]).is_complete
    assert response(plan_of(ONE, fresh=0), runs(plan)).is_complete, "none were asked for"
    same = plan_of(replace(ONE, default="l2=0.1"))
    assert response(same, runs(same)).is_complete, "the best is the default"
    none = plan_of(replace(ONE, default=None))
    assert response(none, runs(none)).is_complete, "there is no default"


@pytest.mark.parametrize("fresh", [0, 6])
@pytest.mark.parametrize("default", [None, "l2=0", "l2=1"])
def test_a_curve_whose_doses_beyond_the_end_are_missing_is_not_finished(fresh, default):
    """Also where all that is shown is there: the best mean lies at the end, and so more is to come."""
    beyond = Curve(
        ("l2",), ("l2=0", "l2=1", "l2=10"), ((0.0,), (1.0,), (10.0,)), (Spare(0, "high", ("l2=10",)),), default
    )  # fmt: skip
    plan = plan_of(beyond, fresh=fresh)
    means = {"l2=0": 1.2, "l2=1": 0.8}
    waiting = response(plan, [*runs(plan, means), *runs(plan, {"l2=10": 0.4}, plan.seeds[:3])])
    assert [d.arm for d in waiting.doses] == ["l2=0", "l2=1"]
    assert not waiting.is_complete
    assert "not finished" in str(waiting)
    assert set(waiting.frame()["arm"]) == {"l2=0", "l2=1"}
    whole = [*runs(plan, means), *runs(plan, {"l2=10": 0.4})]
    if default and fresh:
        whole += runs(plan, {"l2=10": 0.4, default: means[default]}, plan.seeds[6:])
    assert response(plan, whole).is_complete
    assert response(plan, whole).frame()["dose"].tolist() == [0.0] * 6 + [1.0] * 6 + [10.0] * 6


def test_reports_as_text_and_json_and_nothing_unknown(found, tmp_path):
    assert found.report(tmp_path / "c.txt").read_text(encoding="utf-8").strip()
    said = json.loads(found.report(tmp_path / "c.json").read_text(encoding="utf-8"))
    assert said == json.loads(json.dumps(found.to_json()))
    with pytest.raises(PlanError, match=r"\.docx.*\[results-report-kind\]"):
        found.report(tmp_path / "c.docx")
    assert {p.name for p in tmp_path.iterdir()} == {"c.txt", "c.json"}
