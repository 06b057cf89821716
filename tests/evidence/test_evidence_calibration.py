"""How often a verdict is wrong, counted over simulated studies: all four outcomes, seeds fixed beforehand.

The small version takes the estimate and the judgement of `decide`; the slow one makes every run and decides.
"""

import collections
import math

import numpy as np
import pytest

from hunch.evidence import NO_MEANINGFUL_DIFFERENCE, REFUTED, SUPPORTED, UNDECIDED, decide
from hunch.evidence.estimate import MOSTLY, estimate_effect, judge
from hunch.evidence.outcomes import OutcomeValues
from hunch.plan import faster, same
from hunch.stats import log_restricted, paired_interval

ALPHA, MARGIN = 0.05, math.log(1.1)
CLAIMS = {"more": faster("a", than="b"), "same": same("a", "b")}


def interval_of(effects):
    low, high = paired_interval(effects, ALPHA)
    return float(low), float(high)


def decisions(kind, truth, n_studies=2_000, n_seeds=12, spread=0.1, budget=math.inf, seed=11):
    """Share of each decision when arm b truly takes exp(truth) times as long."""
    rng = np.random.default_rng(seed)
    claim, counts = CLAIMS[kind], collections.Counter()
    block = 0.2 * rng.normal(size=(n_studies, 1, n_seeds))
    noise = spread * rng.normal(size=(n_studies, 2, n_seeds))
    all_times = 100 * np.exp(block + noise + np.array([0.0, truth])[:, None])
    for times in all_times:
        reached = np.where(times <= budget, times, np.inf)
        outcome = OutcomeValues(
            ("a", "b"), tuple(range(n_seeds)), log_restricted(reached, budget), reached, np.array([0.0, 2.0]),
            budget,
        )  # fmt: skip
        estimate = estimate_effect(outcome, claim, interval_of(outcome.effects(claim)), 0.01)
        can_be_equal = all(share >= MOSTLY for _, share in outcome.reached)
        counts[judge(kind, estimate, MARGIN, ALPHA, can_be_equal=can_be_equal)[0]] += 1
    return {
        word: counts[word] / n_studies for word in (SUPPORTED, REFUTED, NO_MEANINGFUL_DIFFERENCE, UNDECIDED)
    }


def limit(n_studies):
    """alpha + 3 Monte-Carlo errors."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_studies)


@pytest.mark.parametrize("budget", [math.inf, 115.0])
def test_identical_arms_are_told_apart_with_probability_alpha_at_most(budget):
    found = decisions("more", 0.0, budget=budget)
    assert found[SUPPORTED] + found[REFUTED] <= limit(2_000)


@pytest.mark.parametrize("truth", [0.5 * MARGIN, 1.0 * MARGIN, 2.0 * MARGIN])
def test_arms_that_differ_are_wrongly_judged_with_probability_alpha_at_most(truth):
    found = decisions("more", truth)
    wrong = found[REFUTED] + (found[NO_MEANINGFUL_DIFFERENCE] if truth >= MARGIN else 0.0)
    assert wrong <= limit(2_000)
    assert found[SUPPORTED] > decisions("more", 0.0)[SUPPORTED]


def test_arms_that_differ_by_the_margin_are_called_the_same_with_probability_alpha_at_most():
    assert decisions("same", MARGIN)[SUPPORTED] <= limit(2_000)
    assert decisions("same", 0.0)[REFUTED] <= limit(2_000)
    assert decisions("same", 0.0, spread=0.03)[SUPPORTED] > 0.95


def test_a_large_difference_is_nearly_always_decided_and_in_the_right_direction():
    found = decisions("more", 0.3)
    assert found[SUPPORTED] > 0.99
    assert found[REFUTED] == 0


def test_the_count_of_wrong_verdicts_can_fail():
    found = decisions("more", 0.05)  # not identical: the check for identical arms must notice
    assert found[SUPPORTED] + found[REFUTED] > limit(2_000)


@pytest.mark.slow
@pytest.mark.parametrize(("budget", "spread"), [(1000, 0.3), (250, 0.3), (1000, 0.8)])
def test_decide_on_runs_of_identical_arms_is_wrong_with_probability_alpha_at_most(made, budget, spread):
    """Everything from the curve of each run on, five thousand studies of twelve seeds."""
    n_studies = 5_000
    plan = made.plan(n=12, budget=budget)
    rng = np.random.default_rng(21)
    counts = collections.Counter()
    for _ in range(n_studies):
        block = 0.3 * rng.normal(size=12)
        times = {arm: 150 * np.exp(block + spread * rng.normal(size=12)) for arm in "ab"}
        (verdict,) = decide(plan, made.table(plan, time=times))
        counts[verdict.decision] += 1
    assert (counts[SUPPORTED] + counts[REFUTED]) / n_studies <= limit(n_studies)
    assert counts[SUPPORTED] + counts[REFUTED] > 0
