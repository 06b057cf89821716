"""Dose-response curves on made tables: every number at its dose and seed, and what follows from them."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from dose_tables import WILD, Asked, curve_of, noisy

from hunch.evidence import confirm_key, fresh_pair, tuning_keys, wanted_spares
from hunch.evidence import doses_values as reading
from hunch.evidence.doses_values import dose_values


@pytest.fixture
def u_shape(made):
    """Seven doses of which the fourth is best, the last the default."""
    curve = curve_of(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, knobs=("keep_prob",), default=1.0)
    means = dict(zip(curve.arms, (1.4, 1.1, 0.82, 0.8, 0.83, 1.0, 1.2), strict=True))
    return Asked(made, curve), means


@pytest.mark.parametrize("tuning", ["once", "shared", "replicated"])
def test_every_value_lands_at_its_dose_and_seed(made, tuning):
    curve = curve_of(0.0, 0.1, 1.0)
    asked = Asked(made, curve, tuning=tuning, arms=("l2=1", "l2=0", "l2=0.1"))
    values = {arm: [k + 0.1 * b + 0.2 for b in range(8)] for k, arm in enumerate(curve.arms)}
    runs = asked.blocks(values)
    np.random.default_rng(1).shuffle(runs)
    seen = dose_values(asked.plan, asked.table(runs), curve)
    assert seen.arms == curve.arms
    assert seen.seeds == asked.plan.seeds[:8]
    assert seen.is_known
    assert seen.n_missing == 0
    cap = made.facts().c0_held  # a cost counts as at most that of a constant prediction
    np.testing.assert_allclose(seen.values, np.minimum(np.array(list(values.values())).T, cap))
    assert not np.isclose(seen.values, WILD).any()


def test_a_wild_run_would_be_seen(made):
    """The check can fail: with the rate of another block, a run comes in that nothing may rest on."""
    asked = Asked(made, curve_of(0.0, 0.1), tuning="replicated")
    table = asked.table(asked.blocks(dict.fromkeys(asked.curve.arms, [1.0] * 8)))
    asked.plan = replace(
        asked.plan, seeds=(*asked.plan.seeds[1:], 77), doses=replace(asked.plan.doses, n_seeds=7)
    )
    assert np.isclose(dose_values(asked.plan, table, asked.curve).values, WILD).any()


def test_seeds_without_a_run_at_every_dose_are_left_out_and_counted(made):
    asked = Asked(made, curve_of(0.0, 0.1, 1.0))
    runs = asked.blocks({arm: [1.0 + k] * 8 for k, arm in enumerate(asked.curve.arms)})
    kept = [t for t in runs if (t.key.arm, t.key.seed) not in {("l2=0.1", 2), ("l2=1", 5)}]
    failed = [replace(t, failed="RuntimeError: no") if t.key.seed == 6 else t for t in kept]
    seen = dose_values(asked.plan, asked.table(failed), asked.curve)
    assert seen.seeds == (0, 1, 3, 4, 7)
    assert seen.n_missing == 3
    two = dose_values(asked.plan, asked.table(failed), asked.curve, ["l2=0", "l2=1"])
    assert two.seeds == (0, 1, 2, 3, 4, 7)


def test_a_run_that_diverged_counts_as_a_constant_and_is_counted(made):
    asked = Asked(made, curve_of(0.0, 0.1, 1.0), n=10)
    values = noisy(dict(zip(asked.curve.arms, (0.8, 0.9, 1.0), strict=True)), 10)
    found = asked.read(asked.blocks(values, diverged={("l2=0.1", 4), ("l2=0.1", 7), ("l2=1", 0)}))
    assert [d.diverged for d in found.doses] == [0.0, 0.2, 0.1]
    c0 = made.facts().c0_held
    assert found.seen.values[4, 1] == found.seen.values[7, 1] == found.seen.values[0, 2] == c0
    assert "unstable" not in {d.status for d in found.doses}, "one in five is few enough"
    expected = np.array(values["l2=0.1"])
    expected[[4, 7]] = c0
    assert found.doses[1].mean == pytest.approx(expected.mean())


@pytest.mark.parametrize("how_many", [3, 10])
def test_an_unstable_dose_is_neither_averaged_nor_compared_and_changes_nothing_else(made, how_many):
    values = noisy({"l2=0": 0.8, "l2=0.1": 0.9, "l2=1": 0.7}, 10)
    asked = Asked(made, curve_of(0.0, 0.1, 1.0, default=1.0), n=10)
    found = asked.read(asked.blocks(values, diverged={("l2=1", k) for k in range(how_many)}))
    last = found.doses[2]
    assert (last.status, last.diverged) == ("unstable", how_many / 10)
    assert all(math.isnan(v) for v in (last.mean, last.low, last.high, last.loses_low, last.loses_high))
    assert not last.is_excluded
    assert found.best == "l2=0"
    assert found.default is not None
    assert (found.default.answer, found.default.reason) == ("unknown", "unstable")
    alone = Asked(made, curve_of(0.0, 0.1), n=10).read(
        asked.blocks({a: values[a] for a in ("l2=0", "l2=0.1")})
    )
    for dose, same in zip(found.doses, alone.doses, strict=False):
        assert (dose.value, dose.status, dose.mean) == (same.value, same.status, same.mean)
        assert dose.loses_high >= same.loses_high, "what cannot be compared makes no other comparison surer"


def test_where_all_doses_diverge_nothing_is_said(made):
    asked = Asked(made, curve_of(0.0, 0.1, high=(1.0,), default=0.0))
    everything = {(arm, k) for arm in asked.curve.base for k in range(8)}
    runs = asked.blocks({arm: [1.0] * 8 for arm in asked.curve.base}, diverged=everything)
    found = asked.read(runs)
    assert [d.status for d in found.doses] == ["unstable"] * 2
    assert found.best is None
    assert found.confirmed is None
    assert str(found.shown.reason) == "unstable"
    assert wanted_spares(asked.plan, asked.table(runs), asked.curve) == ()
    assert fresh_pair(asked.plan, asked.table(runs), asked.curve) is None


def test_the_best_the_near_optimal_and_the_excluded_of_a_u(u_shape):
    asked, means = u_shape
    found = asked.read(asked.blocks(noisy(means, 8)))
    assert found.best == "keep_prob=0.6"
    assert found.margin == 0.05
    status = {d.value[0]: d.status for d in found.doses}
    assert status[0.6] == "near-optimal"
    assert [status[v] for v in (0.3, 0.4, 0.8, 1.0)] == ["excluded as best"] * 4
    best = next(d for d in found.doses if d.value == (0.6,))
    assert best.loses_low == 0
    for dose in found.doses:
        assert dose.low < dose.mean < dose.high
        assert 0 <= dose.loses_low <= max(means[dose.arm] - 0.8, 0) <= dose.loses_high, (
            "the truth lies within"
        )
    assert str(found.default.answer) == "no"
    assert found.widths[0].outer.low <= 0.6 <= found.widths[0].outer.high
    low, high = found.chance
    assert 0 < low <= high < 1


def test_a_curve_reads_its_own_seeds_and_the_verdict_the_fresh_ones(u_shape):
    """Whatever happens on fresh seeds, the curve stays; whatever on the others, the verdict."""
    asked, means = u_shape
    pair = {"keep_prob=0.6": 0.8, "keep_prob=1": 1.2}
    runs, fresh = asked.blocks(noisy(means, 8)), asked.blocks(noisy(pair, 6, seed=8), start=8)
    found = asked.read(runs, fresh)
    assert found.confirmed is not None
    assert found.confirmed.decision == "supported"
    assert found.confirmed.seeds == 6
    assert found.confirmed.alpha == asked.plan.alpha
    assert found.confirmed.margin == 0.05
    reverse = asked.blocks(noisy({"keep_prob=0.6": 1.2, "keep_prob=1": 0.8}, 6, seed=8), start=8)
    turned = asked.read(runs, reverse)
    assert turned.doses == found.doses
    assert turned.confirmed.decision == "refuted"
    other = asked.read(asked.blocks(noisy(means, 8, seed=99)), fresh)
    assert other.doses != found.doses
    assert asdict(other.confirmed) == asdict(found.confirmed)


@pytest.mark.parametrize("decoys", [True, False])
@pytest.mark.parametrize("outcome", ["held_out_cost", "held_out_error", "iterations", "gap"])
def test_with_replicated_tuning_too_curve_and_verdict_rest_on_the_right_runs(made, outcome, decoys):
    """The position of a block says which runs tuned it: fresh blocks come after those of the doses."""
    what, scale = {"held_out_error": ("held_error", 0.2), "iterations": ("time", 200.0)}.get(
        outcome, ("held_cost", 1.0)
    )
    curve = curve_of(0.0, 0.1, 1.0, default=0.0)
    asked = Asked(made, curve, outcome, tuning="replicated")
    values = {a: scale * v for a, v in noisy(dict(zip(curve.arms, (1.2, 0.8, 1.1), strict=True)), 8).items()}
    again = {a: scale * v for a, v in noisy({"l2=0": 1.2, "l2=0.1": 0.8}, 6, seed=4).items()}
    if outcome == "iterations":  # the rate that tunes best is the fastest
        runs = _tuned_by_time(asked, values, 0, decoys) + _tuned_by_time(asked, again, 8, decoys)
    else:
        runs = asked.blocks(values, what=what, decoys=decoys)
        runs += asked.blocks(again, start=8, what=what, decoys=decoys)
        if outcome == "held_out_error":
            runs = [_with_error(t, asked) for t in runs]
    found = asked.read(runs)
    once = Asked(made, curve, outcome)
    plain = once.read(once.blocks(values, what=what), once.blocks(again, start=8, what=what))
    assert [d.status for d in found.doses] == [d.status for d in plain.doses]
    np.testing.assert_allclose(found.seen.values, plain.seen.values)
    assert found.confirmed.decision == plain.confirmed.decision == "supported"
    assert found.confirmed.effect == plain.confirmed.effect
    assert found.confirmed.seeds == 6


def _with_error(trace, asked):
    """Tuning runs are judged by their error here: as good as their cost."""
    if trace.key.stage != "tune_held":
        return trace
    return replace(trace, held_error=0.1 * trace.held_cost)


def _tuned_by_time(asked, values, start, decoys):
    """`Asked.blocks` where the outcome is a time: decoys are fast, so that the wrong run would show."""
    out = []
    for arm, of_arm in values.items():
        for k, value in enumerate(of_arm):
            best = asked.rate(arm, start + k)
            for key in tuning_keys(asked.plan, asked.plan.claims[0], arm, start + k):
                time = 50.0 if key.lr == best else 500.0
                out.append(asked.made.trace(arm, key.seed, stage=key.stage, lr=key.lr, time=time))
                if decoys and key.lr != best:
                    out.append(asked.made.trace(arm, asked.plan.seeds[start + k], lr=key.lr, time=5.0))
            out.append(asked.made.trace(arm, asked.plan.seeds[start + k], lr=best, time=value))
    return out


def test_no_tuning_seed_of_a_fresh_block_is_one_of_a_dose_block(made):
    asked = Asked(
        made, curve_of(*np.geomspace(1e-4, 1, 9).tolist(), default=1.0), n=20, fresh=10, tuning="replicated"
    )
    plan, claim = asked.plan, asked.plan.claims[0]

    def seeds(arms, blocks):
        return {key.seed for arm in arms for b in blocks for key in tuning_keys(plan, claim, arm, b)}

    curve, fresh = seeds(plan.doses.arms, range(20)), seeds(plan.doses.arms, range(20, 30))
    assert len(curve) == 9 * 20, "one for each dose and seed"
    assert len(fresh) == 9 * 10
    assert not curve & fresh
    assert not (curve | fresh) & {*plan.seeds, *plan.pilot_seeds}
    table = asked.table(asked.blocks(dict.fromkeys(plan.doses.arms, [1.0] * 30)))
    keys = [confirm_key(plan, table, claim, arm, b) for arm in plan.doses.arms for b in range(30)]
    assert {k.seed for k in keys[20:30]} == set(plan.seeds[20:]), "and every block confirms on its own seed"


def test_best_and_default_are_compared_only_where_they_differ_and_are_known(made):
    means = {"l2=0": 0.9, "l2=0.1": 0.7, "l2=1": 0.8}

    def pair(default, diverged=(), skip=()):
        asked = Asked(made, curve_of(0.0, 0.1, 1.0, default=default))
        runs = asked.blocks({a: [m] * 8 for a, m in means.items()}, diverged=diverged)
        table = asked.table([t for t in runs if (t.key.arm, t.key.seed) not in skip])
        return fresh_pair(asked.plan, table, asked.curve)

    assert pair(0.0) == ("l2=0.1", "l2=0")
    assert pair(1.0) == ("l2=0.1", "l2=1")
    assert pair(0.1) is None
    assert pair(None) is None
    assert pair(0.0, skip={("l2=1", 7)}) is None
    assert pair(0.0, diverged={("l2=0.1", k) for k in range(8)}) == ("l2=1", "l2=0")
    assert pair(0.0, diverged={("l2=0", k) for k in range(8)}) == ("l2=0.1", "l2=0"), (
        "an unstable default loses too"
    )


def test_a_default_that_shares_the_lowest_mean_is_the_best(made):
    asked = Asked(made, curve_of(0.0, 0.1, 1.0, default=1.0))
    runs = asked.blocks({"l2=0": [0.7] * 8, "l2=0.1": [0.9] * 8, "l2=1": [0.7] * 8})
    assert asked.read(runs).best == "l2=1"
    assert fresh_pair(asked.plan, asked.table(runs), asked.curve) is None


@pytest.mark.parametrize("fresh", [0, 6])
def test_without_fresh_runs_nothing_is_confirmed(u_shape, made, fresh):
    asked, means = u_shape
    asked = Asked(made, asked.curve, fresh=fresh)
    assert asked.read(asked.blocks(noisy(means, 8))).confirmed is None
    if fresh:
        some = asked.blocks(noisy({"keep_prob=0.6": 0.8, "keep_prob=1": 1.2}, 5), start=8)
        assert asked.read(asked.blocks(noisy(means, 8)), some).confirmed is None, (
            "nor before the last of them"
        )


def test_iterations_are_ratios(made):
    curve = curve_of(0.0, 0.1, 1.0, default=1.0)
    asked = Asked(made, curve, "iterations", n=10)
    rng = np.random.default_rng(4)
    times = {
        a: t * np.exp(0.02 * rng.normal(size=10)) for a, t in zip(curve.arms, (200, 100, 150), strict=True)
    }
    again = {a: t * np.exp(0.02 * rng.normal(size=6)) for a, t in (("l2=0.1", 100), ("l2=1", 150))}
    found = asked.read(asked.blocks(times, what="time"), asked.blocks(again, start=10, what="time"))
    assert found.margin == pytest.approx(1.1)
    assert found.is_ratio
    assert found.best == "l2=0.1"
    for dose, factor in zip(found.doses, (2.0, 1.0, 1.5), strict=True):
        assert dose.mean == pytest.approx(100 * factor, rel=0.05)
        assert dose.low < dose.mean < dose.high
        assert 1 <= dose.loses_low <= factor <= dose.loses_high or factor == 1
    assert str(found.default.answer) == "no"
    assert math.exp(found.default.low) == pytest.approx(1.5, rel=0.1)
    assert found.confirmed.decision == "supported"
    assert found.confirmed.ratio == pytest.approx(1.5, rel=0.05)


def test_runs_that_never_reach_count_as_the_budget(made):
    asked = Asked(made, curve_of(0.0, 0.1), "iterations")
    runs = asked.blocks({"l2=0": [100.0] * 8, "l2=0.1": [math.inf] * 8}, what="time")
    found = asked.read(runs)
    assert found.doses[1].mean == pytest.approx(1000)
    assert found.doses[1].status == "unknown", "differences that are all one number decide nothing"


def test_without_a_target_iterations_are_unknown(made):
    asked = Asked(made, curve_of(0.0, 0.1, high=(1.0,), default=0.0), "iterations", target=None)
    found = asked.read(asked.blocks({arm: [100.0] * 8 for arm in asked.curve.base}, what="time"))
    assert not found.seen.is_known
    assert found.shown is None
    assert found.best is None
    assert [d.status for d in found.doses] == ["unknown"] * 2
    assert all(math.isnan(d.mean) for d in found.doses)
    assert found.of("unknown") == found.doses


def test_a_plan_that_the_pilot_has_not_finished_can_be_read(made):
    asked = Asked(made, curve_of(0.0, 0.1, default=0.0), margins=(), rates=(), budget=None, target=None)
    found = asked.read()
    assert [d.status for d in found.doses] == ["unknown"] * 2
    assert found.seen.n_missing == 8
    assert found.confirmed is None


@pytest.mark.parametrize("n", range(6))
def test_a_study_that_was_stopped_can_be_read_after_any_seed(made, n):
    asked = Asked(made, curve_of(0.0, 0.1, 1.0, default=0.0))
    found = asked.read(
        asked.blocks({a: v[:n] for a, v in noisy({"l2=0": 1.2, "l2=0.1": 0.8, "l2=1": 1}, 8).items()})
    )
    assert len(found.seen.seeds) == n
    assert found.seen.n_missing == 8 - n
    assert (found.tunability is None) == (n < 2)
    assert {d.status for d in found.doses} == ({"unknown"} if n < 5 else {"near-optimal", "excluded as best"})


def test_every_run_is_looked_up_once(made, monkeypatch):
    """What reading costs where every dose is tuned for every seed; seven times seven doses are read in a moment."""
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, high=(10.0,), default=0.01), tuning="replicated")
    runs = asked.blocks(noisy(dict(zip(asked.curve.arms, (1.2, 1.0, 0.9, 0.8), strict=True)), 8))
    runs += asked.blocks(noisy({"l2=10": 0.8, "l2=0.01": 1.2}, 6), start=8)
    looked_up = []
    find = reading.confirm_runs
    monkeypatch.setattr(reading, "confirm_runs", lambda *a: (looked_up.append(a[2]), find(*a))[1])
    found = asked.read(runs)
    assert found.confirmed is not None
    assert sorted(looked_up) == sorted(asked.curve.arms)
