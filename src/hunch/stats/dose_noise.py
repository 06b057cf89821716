"""Whether the outcome scatters more over seeds under one knob than under another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hunch.stats.quantiles import t_quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NoiseRatio:
    """The ratio of two knobs' noise, with an interval.

    Args:
        log_ratio: Natural log of the first knob's standard deviation over seeds over the second's.
        low: Lower end of the interval at level 1 - alpha.
        high: Upper end.
        n: Seeds.
        reason: Why nothing can be said: `""`, `"few seeds"` (fewer than ten), `"no noise"`.
        pseudo: The jackknife's pseudo-values of the log ratio, one a seed, from which the interval is; they can be
            compared with those of another pair of curves on the same seeds.
    """

    log_ratio: float
    low: float
    high: float
    n: int
    reason: str = ""
    pseudo: tuple[float, ...] = ()


FEWEST = 10


def noise_ratio(first: npt.ArrayLike, second: npt.ArrayLike, *, alpha: float = 0.05) -> NoiseRatio:
    """The ratio of the scatter of two dose-response curves over seeds, by the jackknife over seeds.

    Scatter is the standard deviation over seeds at a dose, root mean square over the doses: what stands between a dose
    and whoever tries it with one seed. Seed effects are part of it, because in practice each trial has its own seed.
    The curves share their seeds, so the interval comes from pseudo-values of the log ratio, one a seed, by
    Student's t. At alpha 0.05 two knobs that scatter alike are told apart in .062 to .068 of the studies with 10 seeds,
    in .051 to .062 with 20 and .052 to .057 with 40, whatever the runs' distribution (docs/validation-doses.md).

    Args:
        first: Outcomes under the first knob, (n, K1), at the doses that are compared.
        second: Outcomes under the second knob on the same seeds, (n, K2).
        alpha: Of the interval.

    Returns:
        The ratio; the interval is infinite where nothing can be said.

    Raises:
        ValueError: If the curves do not have the same seeds, or fewer than two doses each.

    Source: R. G. Miller, "Jackknifing variances", Annals of Mathematical Statistics 39 (1968).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = noise_ratio(rng.normal(size=(40, 5)), 0.5 * rng.normal(size=(40, 5)))
        >>> round(found.log_ratio, 2), found.low > 0
        (0.62, True)
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or a.shape[1] < 2 or b.shape[1] < 2:
        raise ValueError(
            f"curves must be (seeds, doses) on the same seeds with two doses or more, got {a.shape} and {b.shape}."
        )
    n = len(a)
    if n < FEWEST:
        return NoiseRatio(float("nan"), -np.inf, np.inf, n, "few seeds")
    both = scatter(a), scatter(b)
    without = [
        np.array([scatter(np.delete(y, s, axis=0)) for s in range(n)], dtype=np.float64) for y in (a, b)
    ]
    if min(both) <= 0 or min(w.min() for w in without) <= 0:
        return NoiseRatio(float("nan"), -np.inf, np.inf, n, "no noise")
    whole = 0.5 * float(np.log(both[0] / both[1]))
    pseudo = n * whole - (n - 1) * 0.5 * np.log(without[0] / without[1])
    half = float(t_quantile(n, alpha)) * float(pseudo.std(ddof=1)) / n**0.5
    centre = float(pseudo.mean())
    return NoiseRatio(whole, centre - half, centre + half, n, pseudo=tuple(pseudo.tolist()))


def scatter(values: npt.ArrayLike) -> float:
    """Variance over seeds at a dose, the mean over doses.

    Example:
        >>> scatter([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0]])
        2.5
    """
    y = np.asarray(values, dtype=np.float64)
    return float(y.var(axis=0, ddof=1).mean())
