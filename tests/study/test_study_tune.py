"""`hunch.tune` on real runs: what a dose does, which doses are trained, and what is measured."""

import math

import numpy as np
import pytest
from torch import nn
from tune_calls import BASE, BUILD, same_runs, scaled, tune, values

import hunch
from hunch.evidence import dose_claim


def test_given_doses_are_never_extended():
    found = tune("lr", [0.01, 0.03])
    assert found.best.value == (0.03,), "the best mean lies at an end, and it stays there"
    assert values(found) == [0.01, 0.03]
    assert {t.key.arm for t in found.table} == {"lr=0.01", "lr=0.03"}


@pytest.mark.parametrize(
    ("end", "scale", "more"), [("high", 1.0, [9.487, 30.0]), ("low", 100.0, [0.0003, 0.0009487])]
)
def test_the_usual_doses_are_extended_once_at_the_end_where_the_best_mean_lies(end, scale, more):
    activation = "sigmoid" if end == "high" else "identity"
    found = tune("lr", None, hunch.mlp([64, 8, 10], activation), scaled(scale), budget=20)
    usual = [0.003, 0.009487, 0.03, 0.09487, 0.3, 0.9487, 3.0]
    assert values(found) == sorted([*usual, *more])
    assert len(found.frame()) == 9 * 5
    assert found.is_complete
    trained = {t.key.arm for t in found.table.select("confirm")}
    assert trained == {f"lr={v:g}" for v in (*usual, *more)}


def test_the_usual_doses_stay_where_the_best_mean_lies_inside():
    found = tune("lr", budget=60)
    assert 0.003 < found.best.value[0] < 3.0
    assert len(found.doses) == 7


def test_keep_1_and_l2_0_are_ends_of_the_world():
    """Both are best here, and nothing lies beyond."""
    for knob, best in (("keep_prob", 1.0), ("l2", 0.0)):
        found = tune(knob)
        assert found.best.value == (best,)
        assert len(found.doses) == 9
        assert found.plan.doses.curves[0].default == found.best.arm
        assert found.is_complete


def test_one_knob_of_two_is_extended_and_the_other_is_not():
    """λ is best at its high end here, whatever the weights are drawn from: one dose more, at each of the others."""
    found = tune(["init_std", "l2"], None, hunch.mlp([64, 4, 10], "sigmoid"), budget=12)
    tested = {d.value for d in found.doses}
    inits, l2s = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0), (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    assert tested == {(i, l2) for i in inits for l2 in (*l2s, 0.1)}
    usual = [d for d in found.doses if d.value[1] < 0.1]
    best = min(usual, key=lambda d: d.mean).value
    assert best[1] == 1e-2
    assert 0.01 < best[0] < 3.0
    assert len(found.frame()) == 48 * 5
    assert found.is_complete


@pytest.mark.parametrize(
    ("knob", "doses", "arm"),
    [
        ("keep_prob", [0.5, 1.0], {"keep_prob": 0.5}),
        ("keep_prob at 0", [0.5, 1.0], {"keep_prob": {"0": 0.5}}),
        ("keep_prob at input", [0.5, 1.0], {"keep_prob": {"input": 0.5}}),
        ("l2", [0.01, 0.1], {"l2": 0.01}),
        ("weight_decay", [0.01, 0.1], {"weight_decay": 0.01}),
        ("lr", [0.1, 0.3], {"lr": 0.1}),
        ("init_std", [0.2, 0.3], {"init_std": 0.2}),
    ],
)
def test_a_dose_trains_what_an_arm_with_that_value_trains(knob, doses, arm):
    found = tune(knob, doses)
    assert same_runs(found, (doses[0],), **arm)
    assert not same_runs(found, (doses[1],), **arm), "the check can fail"


def test_the_knob_of_one_site_changes_that_site_alone():
    build = hunch.mlp([64, 8, 6, 10])
    found = tune("keep_prob at 2", [0.5, 1.0], build, arm=hunch.Arm("a", lr=0.3, keep_prob=0.8))
    assert same_runs(found, (0.5,), build, keep_prob={"0": 0.8, "2": 0.5})
    assert found.answer.curve.default is None
    assert tune(
        "keep_prob at 2", [0.8, 1.0], build, arm=hunch.Arm("a", lr=0.3, keep_prob=0.8)
    ).answer.curve.default


def test_two_knobs_are_trained_together():
    found = tune(["keep_prob", "l2"], [[0.5, 1.0], [0, 0.1]])
    assert [d.value for d in found.doses] == [(0.5, 0.0), (0.5, 0.1), (1.0, 0.0), (1.0, 0.1)]
    assert same_runs(found, (0.5, 0.1), keep_prob=0.5, l2=0.1)
    assert list(found.frame().columns[:3]) == ["keep_prob", "l2", "arm"]
    assert found.default_is_good_enough == "yes"
    assert found.answer.curve.default == "keep_prob=1, l2=0"


def dropping():
    """A network that drops out by itself."""
    return nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 10))


@pytest.mark.parametrize(
    ("knob", "build", "arm", "default"),
    [
        ("keep_prob", dropping, {}, 0.7),
        ("keep_prob", dropping, {"keep_prob": {"0": 0.6}}, 0.6),
        ("keep_prob at 0", dropping, {}, 0.7),
        ("weight_decay", BUILD, {"optimizer": "adamw", "lr": 0.01}, 0.01),
        ("l2", BUILD, {}, 0.0),
    ],
)
def test_the_default_trains_as_arm_and_network_do_without_the_knob(knob, build, arm, default):
    found = tune(knob, None, build, arm=hunch.Arm("a", **({"lr": 0.3} | arm)), seeds=5)
    curve = found.answer.curve
    assert curve.value(curve.default) == (default,)
    assert same_runs(found, (default,), build, **arm)
    assert found.default_is_good_enough in ("yes", "no", "unknown")
    assert found.answer.default is not None


def test_a_default_that_is_named_is_a_dose_too():
    found = tune("l2", [0.0, 1.0], default=0.1)
    assert values(found) == [0.0, 0.1, 1.0]
    assert found.answer.curve.default == "l2=0.1"
    assert found.default_is_good_enough == "no"


def test_costs_and_errors_are_held_out_at_the_end():
    for outcome, column in (("cost", "held_out_cost"), ("error", "held_out_error")):
        found = tune("l2", [0.0, 0.1, 1.0], outcome=outcome)
        table = found.frame().pivot_table(index="seed", columns="dose", values=column).to_numpy()
        cap = found.facts.c0_held if outcome == "cost" else 1.0
        np.testing.assert_allclose(found.answer.seen.values, np.minimum(table, cap))
        assert [d.mean for d in found.doses] == pytest.approx(np.minimum(table, cap).mean(axis=0))


def test_iterations_to_the_target_are_ratios():
    found = tune("lr", [0.1, 0.3, 1.0], outcome="iterations", budget=200, target=1.5)
    frame = found.frame()
    times = frame["iterations"].fillna(200).astype(float).to_numpy().reshape(3, 5)
    np.testing.assert_allclose(found.answer.seen.values, np.log(times).T)
    assert found.answer.margin == pytest.approx(1.1)
    assert [d.mean for d in found.doses] == pytest.approx(np.exp(np.log(times).mean(axis=1)))
    assert "iterations to the target" in str(found)


def test_without_a_dose_that_learns_there_is_no_target_and_the_words_say_so():
    found = tune("lr", [1e-6, 2e-6], outcome="iterations", budget=6)
    assert found.plan.target is None
    assert "undecided: no dose learned in the pilot, so there is no target" in str(found)
    assert {d.status for d in found.doses} == {"unknown"}
    assert found.is_complete


def test_errors_of_a_regression_are_in_the_unit_of_the_target():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(150, 4)).astype(np.float32)
    y = (1000 * (x @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=150))).astype(np.float32)
    y = (y / y.std()).astype(np.float32)
    found = tune(
        "l2", [0.0, 0.1, 3.0], hunch.mlp([4, 6, 1]), (x, y), outcome="error", arm=hunch.Arm("a", lr=0.1)
    )
    assert found.facts.error_unit == "target"
    held = found.frame()["held_out_error"].to_numpy().reshape(3, 5)
    np.testing.assert_allclose(found.answer.seen.values, held.T)
    assert "points" not in str(found)
    assert found.doses[2].mean > found.doses[0].mean


@pytest.mark.parametrize("knob", ["l2", "lr", "init_std"])
@pytest.mark.parametrize("tuning", ["given", "shared", "once"])
def test_a_dose_at_which_all_runs_diverge_is_unstable_and_the_others_are_judged(knob, tuning):
    if knob == "lr" and tuning != "given":
        pytest.skip("a learning rate that is the knob is not tuned")
    doses = {"l2": [0.0, 1.0, 1e30], "lr": [0.01, 0.3, 1e30], "init_std": [0.01, 0.3, 1e30]}[knob]
    arm = BASE if tuning == "given" else None
    settings = {"arm": arm, "tuning": "auto" if tuning == "given" else tuning}
    found = tune(knob, doses, **settings)
    assert [d.diverged for d in found.doses] == [0.0, 0.0, 1.0]
    assert found.doses[2].status == "unstable"
    assert math.isnan(found.doses[2].mean)
    alone = tune(knob, doses[:2], **settings)
    if tuning == "given":  # the pilot has other arms, and so another margin: what was seen is the same
        np.testing.assert_array_equal(found.answer.seen.values[:, :2], alone.answer.seen.values)
    judged = {d.status for d in found.doses[:2]}
    assert judged == (
        {"unknown"} if knob == "init_std" and arm is None else {"near-optimal", "excluded as best"}
    )
    assert "unstable, neither averaged nor compared" in str(found)
    assert found.is_complete


def test_with_replicated_tuning_a_dose_that_diverges_at_every_rate_is_unstable():
    found = tune("l2", [0.0, 1.0, 1e30], arm=None, tuning="replicated", fresh=2, default=1.0)
    assert [d.status for d in found.doses][2] == "unstable"
    assert found.best.value == (0.0,)
    assert found.confirmed.seeds == 2


def test_the_frame_has_a_row_a_run_of_the_curve_doses_rising():
    found = tune("l2", [1.0, 0.0, 0.1], seeds=[7, 3, 11, 5, 2], default=1.0, fresh=3)
    frame = found.frame()
    assert list(frame.columns[:4]) == ["dose", "arm", "seed", "lr"]
    assert frame["dose"].tolist() == [0.0] * 5 + [0.1] * 5 + [1.0] * 5
    assert frame["seed"].tolist() == [7, 3, 11, 5, 2] * 3
    assert frame["arm"].tolist() == [f"l2={v:g}" for v in frame["dose"]]
    assert found.plan.seeds == (7, 3, 11, 5, 2, 0, 1, 4)


def test_what_no_curve_uses_is_not_recorded():
    found = tune("l2", [0.0, 0.1], outcome="error")
    for trace in found.table:
        assert trace.held_correct is None
        assert trace.held_losses is None
        if trace.key.stage == "confirm":
            assert trace.readings.size == 0


def test_seeds_are_shared_by_all_doses_and_by_no_other_study():
    found, other = (tune("l2", [0.0, 0.1], seed=seed, budget=4) for seed in (0, 3))
    assert found.plan.seeds == tuple(range(5))
    assert other.plan.seeds == tuple(range(3_000_000, 3_000_005))
    assert set(found.frame()["seed"]) == set(range(5))


def test_alpha_and_margin_are_what_was_asked():
    found = tune("l2", [0.0, 0.1], alpha=0.2, margin=0.5)
    assert (found.plan.alpha, found.answer.margin, found.answer.shown.alpha) == (0.2, 0.5, 0.2)
    assert found.doses[0].status == "near-optimal"
    ratio = tune("lr", [0.3, 1.0], outcome="iterations", target=1.5, budget=60, margin=1.5)
    assert ratio.answer.margin == pytest.approx(1.5)
    assert ratio.answer.shown.margin == pytest.approx(math.log(1.5))


def test_one_claim_stands_for_all_doses():
    """It names them all, so that they share outcome, tuning and margin; no verdict is made of it."""
    found = tune("l2", [0.0, 0.1, 1.0], budget=4)
    assert found.plan.claims == (dose_claim("held_out_cost", ("l2=0", "l2=0.1", "l2=1")),)
