"""The verdict rule over many studies at once is the rule of `hunch.evidence`, study by study."""

import numpy as np
import pytest

from hunch.evidence import NO_MEANINGFUL_DIFFERENCE, REFUTED, SUPPORTED, UNDECIDED
from hunch.evidence.estimate import Estimate, judge
from hunch.stats import (
    Decision,
    all_equal,
    betting_interval,
    boundaries,
    decide_paths,
    is_futile,
    mixture_interval,
    paired_interval,
    sign_flip_p,
    smallest_sign_flip_p,
)

WORDS = {
    SUPPORTED: Decision.SUPPORTED,
    REFUTED: Decision.REFUTED,
    NO_MEANINGFUL_DIFFERENCE: Decision.NO_MEANINGFUL_DIFFERENCE,
    UNDECIDED: Decision.UNDECIDED,
}
LOOKS, MARGIN, BOUNDS = (5, 10, 20, 40), 0.5, (-30.0, 30.0)


def numbers_at_each_look(d, mode, alpha):
    """(differences, level, lows, highs, p-values) of each look; each study's are its own, as other tests show."""
    levels = boundaries(LOOKS, alpha) if mode == "planned" else (alpha,) * len(LOOKS)
    interval = {
        "planned": paired_interval,
        "anytime": mixture_interval,
        "robust": lambda x, level: betting_interval(x, *BOUNDS, level),
    }[mode]
    return [
        (n, level, *interval(d[:, :n], level), sign_flip_p(d[:, :n]))
        for n, level in zip(LOOKS, levels, strict=True)
    ]


def one_study(i, d, numbers, mode, may_be_equal, give_up):
    """(decision, differences used, futile) of one study: `judge`, the guards and futility as `decide` has them."""
    for k, (n, level, low, high, p) in enumerate(numbers):
        seen = d[:n]
        if not np.any(seen):
            return Decision.UNDECIDED, n, False  # identical arms: no more is bought
        if mode == "planned" and smallest_sign_flip_p(n) > level:
            continue  # the sign-flip floor
        estimate = Estimate(seen.mean(), float(low[i]), float(high[i]), float(p[i]), bool(all_equal(seen)))
        flip_at = level if mode == "planned" else None
        word, _ = judge("more", estimate, MARGIN, flip_at, can_be_equal=bool(may_be_equal[k]))
        if word != UNDECIDED:
            return WORDS[word], n, False
        asks = give_up and 0 < k < len(LOOKS) - 1 and 4 * n >= LOOKS[-1]
        how = {"margin": MARGIN, "n_max": LOOKS[-1], "level": numbers[-1][1]}
        if asks and is_futile(seen, can_be_equal=bool(may_be_equal[k]), **how):
            return Decision.UNDECIDED, n, True
    return Decision.UNDECIDED, LOOKS[-1], False


def random_studies(n_studies, seed, n=LOOKS[-1]):
    """Differences of many sizes, spreads and shapes, some of them all 0 for a while."""
    rng = np.random.default_rng(seed)
    shape = rng.choice(4, n_studies)
    d = np.stack([rng.normal(size=(n_studies, n)), rng.lognormal(0, 1, (n_studies, n)) - 1.6,
                  1.6 - rng.lognormal(0, 1, (n_studies, n)), rng.choice([-1.0, 1.0], (n_studies, n))])  # fmt: skip
    d = d[shape, np.arange(n_studies)] * rng.choice([0.1, 0.4, 1.0], (n_studies, 1))
    d += rng.choice([-1.0, -0.3, 0.0, 0.1, 0.5, 2.0], (n_studies, 1))
    quiet = rng.random(n_studies) < 0.05
    d[quiet, : rng.choice([5, 7])] = 0.0
    return d.clip(*BOUNDS), rng.random((n_studies, len(LOOKS))) < 0.7


def disagreements(d, may_be_equal, mode, found, alpha=0.05, give_up=True):
    """Studies about which the two say something different."""
    numbers = numbers_at_each_look(d, mode, alpha)
    judged = [one_study(i, d[i], numbers, mode, may_be_equal[i], give_up) for i in range(len(d))]
    at_once = list(zip(found.decision, found.used, found.is_futile, strict=True))
    return [(i, *pair) for i, pair in enumerate(zip(judged, at_once, strict=True)) if pair[0] != pair[1]]


@pytest.mark.parametrize("mode", ["planned", "anytime", "robust"])
@pytest.mark.parametrize(("alpha", "give_up"), [(0.05, True), (0.05 / 6, True), (0.2, False)])
def test_many_studies_at_once_are_judged_as_one_study_is(mode, alpha, give_up):
    d, may_be_equal = random_studies(200, seed=17)
    found = decide_paths(
        d, margin=MARGIN, alpha=alpha, looks=LOOKS, mode=mode, bounds=BOUNDS, can_be_equal=may_be_equal,
        give_up=give_up,
    )  # fmt: skip
    assert disagreements(d, may_be_equal, mode, found, alpha, give_up) == []
    assert np.allclose(found.effect, [x[:n].mean() for x, n in zip(d, found.used, strict=True)])
    if mode == "planned":
        assert set(found.decision.tolist()) == {0, 1, 2, 3}  # every word is met


def test_the_comparison_can_fail():
    d, may_be_equal = random_studies(200, seed=17)
    for changed in ({"margin": 0.6}, {"alpha": 0.06}, {"give_up": False}, {"can_be_equal": True}):
        asked = {"margin": MARGIN, "looks": LOOKS, "can_be_equal": may_be_equal, **changed}
        assert disagreements(d, may_be_equal, "planned", decide_paths(d, **asked))


def test_a_look_at_which_the_sign_flip_cannot_agree_decides_nothing():
    """Five differences give p = 0.0625 at the least, so `decide` puts the look off; so does this."""
    d = np.random.default_rng(1).normal(0, 0.01, (20, 10))
    found = decide_paths(d, margin=1.0, looks=(5, 10))
    assert found.used.tolist() == [10] * 20
    assert found.share(Decision.NO_MEANINGFUL_DIFFERENCE) == 1.0


def test_the_last_look_must_be_at_all_differences():
    with pytest.raises(ValueError, match="the last look must be at all 12 differences"):
        decide_paths(np.zeros((3, 12)), margin=0.1, looks=(5, 10))


def test_shares_of_decisions_add_up():
    d, _ = random_studies(200, seed=3)
    found = decide_paths(d, margin=MARGIN, looks=LOOKS)
    assert sum(found.share(code) for code in Decision) == pytest.approx(1)
    assert found.share(*Decision) == 1
