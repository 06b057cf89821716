"""The whole of `hunch.tune`, pilot to fresh seeds, on made curves: doses that do nothing are seldom told apart.

Everything is real but the engine, which draws curves (`made_curves`) and does not look at the dose. A run's speed
depends on its learning rate, whose best value is the same for all doses, on its seed, and on luck.
"""

import math
import zlib
from dataclasses import replace

import numpy as np
import pytest
from made_curves import Curves, Memory, facts, limit

import hunch
from hunch.data import load
from hunch.evidence import dose_claim, read_curve
from hunch.plan import PILOT, Doses, Plan, run_seeds
from hunch.study.blocks import Blocks
from hunch.study.dose_runs import _DoseRuns
from hunch.study.dose_study import with_fresh
from hunch.study.dosing import make_curve
from hunch.study.execute import Workshop
from hunch.study.pilot import run_pilot
from hunch.study.progress import Reporter
from hunch.traces import RunTable

BUDGET = 100
DOSES = (0.0, 0.1, 0.2, 0.3)
NETWORK = hunch.mlp([2, 3, 3])()


class Levels(Curves):
    """The held-out cost too depends on the learning rate, on the seed, and on luck; not on how fast a run was."""

    def trace(self, setting, job):
        trace, key = super().trace(setting, job), job.key
        shared = np.random.default_rng([3, job.stream_seed]).normal()
        own = np.random.default_rng(
            [4, job.stream_seed, zlib.crc32(f"{key.arm} {key.lr:.4g}".encode())]
        ).normal()
        level = 0.5 * math.exp(0.4 * math.log10(key.lr / 0.3) ** 2 + 0.1 * shared + 0.1 * own)
        return replace(trace, held_cost=np.full(len(trace.held_at), level))


class Harmful(Levels):
    """The dose matters: of 0.3, runs are slow and end at higher costs."""

    def trace(self, setting, job):
        trace = super().trace(setting, job)
        if job.arm.l2 != 0.3:
            return trace
        return replace(trace, cost=trace.cost + 0.5, held_cost=trace.held_cost + 0.5)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    return load((rng.normal(size=(60, 2)).astype(np.float32), np.arange(60) % 3))


def curve_of(
    data, seed, tuning, outcome="held_out_cost", engine=None, seeds=20, fresh=0, doses=DOSES, default=None
):
    """One study from pilot to curve: (plan, table, what the curve shows)."""
    dosing = make_curve(["l2"], None if doses is None else [doses], None, NETWORK, default)
    run, n = with_fresh(seeds, fresh, seed)
    plan = Plan(
        arms=tuple(arm.resolved(48) for arm in dosing.arms),
        claims=(dose_claim(outcome, dosing.curve.arms),),
        cost="cross_entropy",
        seeds=tuple(run),
        seed=seed,
        pilot_seeds=run_seeds(seed, PILOT, 5),
        tuning=tuning,
        asked_budget=BUDGET,
        budget=BUDGET,
        doses=Doses(outcome, (dosing.curve,), n),
    )
    workshop = Workshop(engine or Levels(), Memory(), Reporter(False))
    plan = run_pilot(workshop, plan, facts(), lambda: None, data)
    _DoseRuns(Blocks(workshop, plan, facts(), lambda: None, data), Reporter(False)).run()
    table = RunTable(facts(), workshop.made())
    return plan, table, read_curve(plan, table, dosing.curve)


def excluded(data, n_studies, first_seed, **settings):
    """Share of studies in which each dose is excluded as best, and in which any other is said to be worse."""
    found = [curve_of(data, first_seed + k, **settings)[2] for k in range(n_studies)]
    shares = np.mean([[dose.is_excluded for dose in answer.doses] for answer in found], axis=0)
    wrong = np.mean([any(dose.is_worse for dose in answer.doses) for answer in found])
    return shares, float(wrong)


def test_a_curve_of_made_runs_is_a_whole_study(data):
    plan, table, found = curve_of(data, 0, "replicated", fresh=6, default=0.2)
    assert plan.is_frozen
    assert {t.key.stage for t in table} == {"pilot", "tune_held", "confirm"}
    assert len(found.seen.seeds) == 20
    assert {t.key.seed for t in table.select("confirm")} <= set(plan.seeds)
    tuned = {t.key.lr for t in table.select("confirm", "l2=0")}
    assert len(tuned) > 1, "the luck of tuning is there to be averaged over"
    assert (found.confirmed is None) == (found.best == "l2=0.2")


@pytest.mark.parametrize("tuning", ["replicated", "shared"])
@pytest.mark.parametrize("outcome", ["held_out_cost", "iterations"])
def test_a_dose_that_harms_is_found_by_the_pipeline(data, tuning, outcome):
    by_luck = 0
    for k in range(5):
        _, _, found = curve_of(data, 100 + k, tuning, outcome, engine=Harmful())
        assert found.doses[3].is_excluded
        assert found.doses[3].is_worse
        by_luck += sum(dose.is_excluded for dose in found.doses[:3])
    assert by_luck <= 2, "of fifteen"


def test_doses_beyond_the_end_are_trained_for_all_seeds_before_the_best_is_known(data):
    """Of the usual doses, where the best of equals lies at the end by luck."""
    extended = 0
    for k in range(10, 16):
        plan, table, found = curve_of(data, 200 + k, "shared", seeds=6, fresh=3, doses=None)
        curve = plan.doses.curves[0]
        usual = [np.mean(found.seen.values[:, j]) for j, a in enumerate(found.seen.arms) if a in curve.base]
        is_extended = len(found.doses) > len(curve.base)
        assert is_extended == (int(np.argmin(usual)) == len(curve.base) - 1)
        assert not found.is_pending
        extended += is_extended
        fresh = {t.key.arm for t in table.select("confirm") if t.key.seed in plan.seeds[6:]}
        assert fresh == (set() if found.best == curve.default else {found.best, curve.default})
    assert 0 < extended < 6


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["held_out_cost", "iterations"])
@pytest.mark.parametrize("tuning", ["replicated", "shared"])
def test_of_doses_that_do_nothing_each_is_seldom_excluded_as_best(data, tuning, outcome):
    """About a minute each."""
    n = 400
    shares, worse = excluded(data, n, 1_000, tuning=tuning, outcome=outcome)
    assert (shares <= limit(n)).all(), shares
    assert worse <= limit(n)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["held_out_cost", "iterations"])
def test_rates_tuned_once_count_their_luck_as_a_difference(data, outcome):
    """The check can fail, and it is why `tune` does not tune once unless it is asked to."""
    n = 400
    shares, _ = excluded(data, n, 1_000, tuning="once", outcome=outcome)
    assert shares.mean() > limit(n), shares
