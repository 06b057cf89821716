"""Wrong verdicts, all four outcomes counted: arms of equal shape, of unequal shape, and bets on any shape.

The effect is that of log min(T, B), its truth integrated from the distributions. The margin is half a standard
deviation of the difference; true effects lie at 0, half, one and two margins. docs/validation.md has the
rates.
"""

import itertools

import numpy as np
import pytest
from benchmarks.simulated_studies import Cell, make

from hunch.stats import Decision, Paths, bets_won, decide_paths, log_price

ALPHA, MARGIN = 0.05, 0.5
LOOKS = (10, 20, 40, 80)
SHAPES = ("lognormal", "weibull", "gamma")
EFFECTS = (0.0, 0.5 * MARGIN, 1.0 * MARGIN, 2.0 * MARGIN)


def limit(n_studies, alpha=ALPHA):
    """alpha + 3 Monte-Carlo errors."""
    return alpha + 3 * np.sqrt(alpha * (1 - alpha) / n_studies)


def share_wrong(found, truth, margin):
    """Share of false verdicts; a true effect of exactly 0, or of exactly the margin, makes either word false."""
    near = 1e-3 * margin
    false = [Decision.SUPPORTED] if truth <= near else []
    false += [Decision.REFUTED] if truth >= -near else []
    false += [Decision.NO_MEANINGFUL_DIFFERENCE] if abs(truth) >= margin - near else []
    return found.share(*false)


def wrong(cell, n_studies, seed, looks=LOOKS):
    studies = make(cell, n_studies, np.random.default_rng(seed), looks)
    margin = MARGIN * studies.spread
    found = decide_paths(studies.d, margin=margin, looks=looks, can_be_equal=studies.can_be_equal)
    return share_wrong(found, studies.truth, margin)


def betting_ever_leaves_out_the_truth(cell, n_studies, seed, n=60):
    """At any number of pairs; from 1 iteration to 10,000, the middle run at about 100."""
    studies = make(cell, n_studies, np.random.default_rng(seed), (n,))
    reach = np.log(10_000.0)
    above, below = bets_won(studies.d.clip(-reach, reach), -reach, reach, studies.truth)
    return (np.maximum(above, below) >= log_price(ALPHA)).any(axis=1).mean()


def cell_grid(pairs, effects):
    return [
        Cell(*pair, correlation, censored, effect)
        for pair, correlation, censored, effect in itertools.product(
            pairs, (0.0, 0.5, 0.9), (0.0, 0.2, 0.5), effects
        )
    ]


@pytest.mark.parametrize(
    "cell",
    [
        Cell("gamma", "gamma", 0.5, 0.2),
        Cell("lognormal", "lognormal", 0.0, 0.0),
        Cell("weibull", "weibull", 0.9, 0.5),
        Cell("steady", "stuck", 0.5, 0.2, 0.7),
    ],
)
def test_the_truth_of_a_made_up_study_is_the_mean_of_very_many_differences(cell):
    studies = make(cell, 20_000, np.random.default_rng(2), (10,))
    assert studies.truth == pytest.approx(cell.effect * studies.spread, abs=1e-4)
    assert abs(studies.d.mean() - studies.truth) <= 4 * studies.spread / np.sqrt(studies.d.size)
    assert studies.d.std() == pytest.approx(studies.spread, rel=0.03)


def test_of_each_word_the_false_ones_are_counted():
    words = [Decision.UNDECIDED, Decision.SUPPORTED, Decision.REFUTED, Decision.NO_MEANINGFUL_DIFFERENCE]
    found = Paths(
        np.repeat(np.array(words, dtype=np.int8), [1, 2, 3, 4]), np.zeros(10), np.zeros(10), np.zeros(10)
    )
    counted = [share_wrong(found, truth, 1.0) for truth in (0.0, 0.5, 1.0, 2.0, -0.5, -1.0)]
    assert counted == pytest.approx([0.5, 0.3, 0.7, 0.7, 0.2, 0.6])


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize(("shape", "correlation", "censored"), [("lognormal", 0.5, 0.0), ("gamma", 0.0, 0.2)])
def test_arms_of_equal_shape_are_wrongly_judged_with_probability_alpha_at_most(
    shape, correlation, censored, effect
):
    assert wrong(Cell(shape, shape, correlation, censored, effect), 700, seed=3) <= limit(700)


@pytest.mark.parametrize(
    "cell",
    [Cell("lognormal", "gamma", 0.5, 0.2, 0.0), Cell("lognormal", "weibull", 0.9, 0.0, 0.0),
     Cell("weibull", "gamma", 0.0, 0.5, -MARGIN)],
)  # fmt: skip
def test_arms_of_unequal_shape_are_wrongly_judged_with_probability_twice_alpha_at_most(cell):
    assert wrong(cell, 700, seed=4) <= 2 * ALPHA


@pytest.mark.parametrize(
    "cell", [Cell("steady", "stuck", 0.0, 0.0), Cell("lognormal", "gamma", 0.5, 0.2, 0.5)]
)
def test_bets_leave_out_the_truth_with_probability_alpha_at_most_whatever_the_shape(cell):
    assert betting_ever_leaves_out_the_truth(cell, 400, seed=5) <= limit(400)


def test_the_count_of_wrong_verdicts_can_fail():
    studies = make(Cell("lognormal", "lognormal", 0.5), 700, np.random.default_rng(3))
    found = decide_paths(studies.d + 0.3 * studies.spread, margin=MARGIN * studies.spread, looks=LOOKS)
    assert share_wrong(found, 0.0, MARGIN * studies.spread) > limit(700)
    steady = make(Cell("steady", "stuck"), 700, np.random.default_rng(3))
    assert share_wrong(decide_paths(steady.d, margin=0.1, looks=LOOKS), 0.0, 0.1) > limit(700)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_shapes_over_correlation_censoring_and_effect(shape):
    for cell in cell_grid([(shape, shape)], EFFECTS):
        assert wrong(cell, 4_000, seed=6) <= limit(4_000), cell


@pytest.mark.slow
@pytest.mark.parametrize("pair", list(itertools.combinations(SHAPES, 2)))
def test_unequal_shapes_over_correlation_censoring_and_effect(pair):
    for cell in cell_grid([pair], (*EFFECTS, *(-effect for effect in EFFECTS[1:]))):
        assert wrong(cell, 4_000, seed=7) <= 2 * ALPHA, cell


@pytest.mark.slow
@pytest.mark.parametrize("pair", [*itertools.combinations(SHAPES, 2), ("steady", "stuck")])
def test_bets_over_shapes_correlation_and_censoring(pair):
    for cell in cell_grid([pair], (0.0, MARGIN)):
        assert betting_ever_leaves_out_the_truth(cell, 2_000, seed=8) <= limit(2_000), cell
