"""Two kinds of doubt about a difference of errors or costs: other seeds, and other examples from the same source."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.paired import SKEW_LIMIT, inverse_cubic, skewness
from hunch.stats.quantiles import t_quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoIntervals:
    """A difference of errors or costs with two intervals.

    Args:
        mean: The difference.
        here: (low, high) for this held-out set: only the seeds could have been others.
        elsewhere: (low, high) for new examples from the same source: the examples could have been others too.
    """

    mean: float
    here: tuple[float, float]
    elsewhere: tuple[float, float]


_UNKNOWN = TwoIntervals(math.nan, (math.nan, math.nan), (math.nan, math.nan))


def two_intervals(difference: npt.ArrayLike, alpha: float) -> TwoIntervals:
    """The mean difference over seeds and examples, for this held-out set and for new examples.

    With D of n seeds and M examples, the variance over seeds is that of the seed means over n; over seeds and
    examples it is that, plus the variance of the example means over M, less what both count twice, the
    residual's over nM (the two-way random-effects model; the "pigeonhole" variance of Owen 2007). Student's
    t, with n - 1 degrees of freedom for the first and the smaller of n - 1 and M - 1 for the second.

    Args:
        difference: Loss of one arm less that of the other, (seeds, examples): -1, 0 or 1 where losses are
            errors.
        alpha: 1 - level.

    Returns:
        Both intervals; NaN ends for fewer than two seeds or examples, or where a difference is not finite.

    Example:
        >>> found = two_intervals([[1, 0, 0, 1], [1, 0, 1, 1], [0, 0, 0, 1]], 0.05)
        >>> found.mean, found.here[0] > found.elsewhere[0]
        (0.5, True)
    """
    d = np.asarray(difference, dtype=np.float64)
    if d.size == 0 or not np.isfinite(d).all():
        return _UNKNOWN
    return two_intervals_of(d.mean(axis=1), d.mean(axis=0), float((d * d).mean()), alpha)


def new_examples_interval(difference: npt.ArrayLike, alpha: float) -> tuple[float, float]:
    """The second of the two intervals, widened to the union with Hall's where the mean is skewed.

    Costs of single examples can be very skewed: a few that are badly wrong make most of the mean. The skewness
    of the mean over seeds and examples is that of the seed means and of the example means together, and what it
    does to Student's t is undone as `hall_interval` does for one sample of the smaller of their numbers.

    Args:
        difference: Loss of one arm less that of the other, (seeds, examples).
        alpha: 1 - level.

    Returns:
        (low, high); NaN as for `two_intervals`.

    Source:
        Hall (1992), On the removal of skewness by transformation, J. R. Statist. Soc. B 54, 221-228.

    Example:
        >>> d = [[0.1, 0.2, 0.1, 5.0], [0.2, 0.1, 0.1, 4.8], [0.1, 0.1, 0.2, 5.1]]
        >>> new_examples_interval(d, 0.05)[1] > two_intervals(d, 0.05).elsewhere[1]
        True
    """
    d = np.asarray(difference, dtype=np.float64)
    found = two_intervals(d, alpha)
    low, high = found.elsewhere
    if not low < high:
        return low, high
    n = min(d.shape)
    t = t_quantile(n, alpha)
    error = (high - low) / (2 * t)
    skew = sum(
        float(skewness(means)) * (float(means.std(ddof=1)) / error) ** 3 / len(means) ** 2
        for means in (d.mean(axis=0), d.mean(axis=1))
    )
    g, y = np.asarray(skew * math.sqrt(n)), t / math.sqrt(n)
    if abs(float(g)) <= SKEW_LIMIT:
        return low, high
    hall_low, hall_high = (
        found.mean - error * math.sqrt(n) * float(inverse_cubic(end, g, n)) for end in (y, -y)
    )
    return min(low, hall_low), max(high, hall_high)


def two_intervals_of(
    by_seed: npt.ArrayLike, by_example: npt.ArrayLike, mean_square: float, alpha: float
) -> TwoIntervals:
    """The same from sums that a study can keep instead of the matrix.

    Args:
        by_seed: Mean difference at each seed, over all examples, (n,).
        by_example: Mean difference of each example, over all seeds, (M,).
        mean_square: Mean of the squared differences: the share of examples on which the arms disagree, where
            losses are errors.
        alpha: 1 - level.

    Returns:
        Both intervals; NaN ends for fewer than two seeds or examples, or where a number is not finite.

    Example:
        >>> two_intervals_of([0.5, 0.75, 0.25], [2 / 3, 0, 1 / 3, 1], 0.5, 0.05).mean
        0.5
    """
    seeds, examples = np.asarray(by_seed, dtype=np.float64), np.asarray(by_example, dtype=np.float64)
    n, m = len(seeds), len(examples)
    if (
        not (np.isfinite(seeds).all() and np.isfinite(examples).all() and np.isfinite(mean_square))
        or not n * m
    ):
        return _UNKNOWN
    mean = float(seeds.mean())
    if n < 2 or m < 2:
        return TwoIntervals(mean, _UNKNOWN.here, _UNKNOWN.elsewhere)
    seed_variance, example_variance = float(seeds.var(ddof=1)), float(examples.var(ddof=1))
    # All squares about the mean, less those of seeds and of examples, are the residual's.
    rest = n * m * (mean_square - mean**2) - m * (n - 1) * seed_variance - n * (m - 1) * example_variance
    residual = max(0.0, rest) / ((n - 1) * (m - 1))
    here = seed_variance / n
    both = max(here, here + example_variance / m - residual / (n * m))
    half = t_quantile(n, alpha) * here**0.5
    wide = t_quantile(min(n, m), alpha) * both**0.5
    return TwoIntervals(mean, (mean - half, mean + half), (mean - wide, mean + wide))
