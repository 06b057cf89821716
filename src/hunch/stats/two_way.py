"""Two kinds of doubt about a difference of errors: other seeds, and other examples from the same source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.quantiles import t_quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoIntervals:
    """A difference of errors with two intervals.

    Args:
        mean: The difference.
        here: (low, high) for this held-out set: only the seeds could have been others.
        elsewhere: (low, high) for new examples from the same source: the examples could have been others too.
    """

    mean: float
    here: tuple[float, float]
    elsewhere: tuple[float, float]


def two_intervals(difference: npt.ArrayLike, alpha: float) -> TwoIntervals:
    """The mean difference over seeds and examples, for this held-out set and for new examples.

    With D of n seeds and M examples, the variance over seeds is that of the seed means over n; over seeds and
    examples it is that, plus the variance of the example means over M, less what both count twice, the
    residual's over nM (the two-way random-effects model). Student's t, with n - 1 degrees of freedom for the
    first and the smaller of n - 1 and M - 1 for the second.

    Args:
        difference: Loss of one arm less that of the other, (seeds, examples): -1, 0 or 1 where losses are
            errors.
        alpha: 1 - level.

    Returns:
        Both intervals; NaN ends for fewer than two seeds or examples.

    Example:
        >>> found = two_intervals([[1, 0, 0, 1], [1, 0, 1, 1], [0, 0, 0, 1]], 0.05)
        >>> found.mean, found.here[0] > found.elsewhere[0]
        (0.5, True)
    """
    d = np.asarray(difference, dtype=np.float64)
    n, m = d.shape
    mean = float(d.mean()) if d.size else float("nan")
    if n < 2 or m < 2:
        return TwoIntervals(mean, (np.nan, np.nan), (np.nan, np.nan))
    by_seed, by_example = d.mean(axis=1), d.mean(axis=0)
    rest = d - by_seed[:, None] - by_example + mean
    residual = float((rest**2).sum() / ((n - 1) * (m - 1)))
    seed_variance = float(by_seed.var(ddof=1)) / n
    both = max(seed_variance, seed_variance + float(by_example.var(ddof=1)) / m - residual / (n * m))
    half = t_quantile(n, alpha) * seed_variance**0.5
    wide = t_quantile(min(n, m), alpha) * both**0.5
    return TwoIntervals(mean, (mean - half, mean + half), (mean - wide, mean + wide))
