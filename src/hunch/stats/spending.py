"""Boundaries: the p-value that each of several looks at growing data needs, so that all of them spend alpha.

The t statistic at n differences is a function of r = sum / √(sum of squares), and r is a Markov chain under
Gaussian differences of mean 0: r' = √B·r + √(1 - B)·v, where B is Beta(n/2, s/2), s the number of new
differences, and v what those alone would give as r. (The length of a Gaussian vector is independent of its
direction.) So the chance to cross at a look is an integral over B and over the paths still open, computed
here by quadrature, to 1e-5 of itself or better at the planned looks: the same on every machine, and as good
at alpha/6 as at alpha. Where looks are closer than four differences the integrand has corners, and paths are
drawn instead.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hunch.stats.quantiles import beta_nodes, direction_density, direction_tail, t_quantile, t_two_sided

Floats = npt.NDArray[np.float64]

CLOSEST = 4  # differences between looks from which on the quadrature is used
N_NODES = 64  # over the open paths, on each side of 0
N_SHARES = 96  # over B
N_PATHS = 400_000  # where paths are drawn, at alpha 0.05; more where alpha is smaller
MOST_PATHS = 4_000_000
PATH_KEY = 0x4C6F6F6B73  # of the Philox that draws them
_HALVINGS = 45


@lru_cache(maxsize=256)
def boundaries(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """The two-sided p-value that each look needs, so that all looks together spend alpha.

    By look k of n_k differences, alpha · ln(1 + (e - 1) n_k / n_K) is spent (Lan and DeMets' spending
    function of Pocock's kind). The p-values are those of Student's t at n_k - 1 degrees of freedom, under
    Gaussian differences of mean 0: normal-theory tables are wrong at n = 5. The interval at a look is the one
    of level 1 - that p-value.

    Args:
        looks: Increasing numbers of differences, each at least 2.
        alpha: Two-sided, over all looks.

    Returns:
        One p-value a look. A single look gets alpha itself, exactly.

    Raises:
        ValueError: If the looks do not increase from 2 up, or alpha is not in (0, 1).

    Example:
        >>> boundaries((20,), 0.05)
        (0.05,)
        >>> [round(p, 4) for p in boundaries((10, 20, 40, 80), 0.05)]
        [0.0097, 0.0099, 0.0163, 0.0251]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}.")
    if len(looks) == 1:
        return (alpha,)
    if not looks or looks[0] < 2 or any(b <= a for a, b in itertools.pairwise(looks)):
        raise ValueError(f"looks must increase from 2 up, got {looks}.")
    spent = [alpha * math.log1p((math.e - 1) * n / looks[-1]) for n in looks]
    shares = [spent[0], *(b - a for a, b in itertools.pairwise(spent))]
    if min(b - a for a, b in itertools.pairwise(looks)) < CLOSEST:
        return _drawn(looks, shares, alpha)
    return _integrated(looks, shares)


@dataclass(frozen=True, slots=True)
class _Step:
    """From one look to the next: the paths still open, and how r moves.

    Args:
        mass: Density times quadrature weight of each open path, on both sides of 0, (paths,).
        start: √B·r, (paths, shares).
        scale: √(1 - B), (shares,).
        weight: Of each B, (shares,).
        n_new: New differences.
    """

    mass: Floats
    start: Floats
    scale: Floats
    weight: Floats
    n_new: int

    def crossing(self, c: float) -> float:
        """Chance that a path is open until now and then lies at ±c or beyond."""
        beyond = direction_tail((c - self.start) / self.scale, self.n_new) @ self.weight
        return 2.0 * float(self.mass @ beyond)

    def density(self, r: Floats) -> Floats:
        """Density of the open paths at each new r."""
        v = (r[:, None, None] - self.start) / self.scale  # (new paths, paths, shares)
        return np.asarray((direction_density(v, self.n_new) / self.scale) @ self.weight @ self.mass)


def _integrated(looks: tuple[int, ...], shares: list[float]) -> tuple[float, ...]:
    """By quadrature: the density of r among the paths still open, carried from look to look."""
    unit, weight = _half_line()
    levels = [shares[0]]  # exact: the first t statistic is Student's
    r = _as_direction(t_quantile(looks[0], levels[0]), looks[0]) * unit
    mass = direction_density(r, looks[0]) * weight * r[-1] / unit[-1]
    for (before, n), share in zip(itertools.pairwise(looks), shares[1:], strict=True):
        b, b_weight = beta_nodes(N_SHARES, before / 2, (n - before) / 2)
        start = np.sqrt(b) * np.concatenate([-r, r])[:, None]
        step = _Step(np.concatenate([mass, mass]), start, np.sqrt(1.0 - b), b_weight, n - before)
        least, most = 0.0, math.sqrt(n)
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            least, most = (middle, most) if step.crossing(middle) > share else (least, middle)
        levels.append(t_two_sided(_as_t(most, n), n))
        r = most * unit
        mass = step.density(r) * weight * most
    return tuple(levels)


def _half_line() -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre on 0..1."""
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    return np.asarray((nodes + 1.0) / 2.0), np.asarray(weights / 2.0)


def _as_direction(t: float, n: int) -> float:
    return math.sqrt(n) * t / math.hypot(math.sqrt(n - 1), t)


def _as_t(r: float, n: int) -> float:
    return r * math.sqrt((n - 1) / max(n - r * r, 1e-300))


def _drawn(looks: tuple[int, ...], shares: list[float], alpha: float) -> tuple[float, ...]:
    """By drawing paths of the t statistic."""
    n_paths = int(min(MOST_PATHS, max(N_PATHS, N_PATHS * 0.05 / alpha)))
    rng = np.random.Generator(np.random.Philox(key=PATH_KEY))
    total, squares = np.zeros(n_paths), np.zeros(n_paths)
    is_open = np.ones(n_paths, dtype=bool)
    levels: list[float] = []
    for before, n, share in zip((0, *looks), looks, shares, strict=False):
        # Of the new normal draws only their sum and their squares about its mean matter.
        part = math.sqrt(n - before) * rng.standard_normal(n_paths)
        squares += part**2 / (n - before)
        if n - before > 1:
            squares += rng.chisquare(n - before - 1, n_paths)
        total += part
        t = np.abs(total) / np.sqrt(n * (squares - total**2 / n) / (n - 1))
        if not levels:
            level = share
        else:
            wanted = round(share * n_paths)
            left = t[is_open]
            bound = np.partition(left, len(left) - wanted)[len(left) - wanted] if wanted else math.inf
            level = t_two_sided(float(bound), n)
        levels.append(level)
        is_open &= t < t_quantile(n, level)
    return tuple(levels)
