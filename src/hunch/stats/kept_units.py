"""What dropout does to a layer, exactly: the law of the number of units that it keeps."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from hunch.errors import PlanError
from hunch.stats.kept_units_checks import law_problems, no_counts, whole_counts
from hunch.stats.quantiles import binomial_above, binomial_at_most, binomial_chances

Floats = npt.NDArray[np.float64]

NOISE_BOUND = 1 / 6
"""A layer whose relative noise is above this is too narrow for its dose (docs/dropout.md says why)."""
_LEVELS = 2**16  # a bernoulli mask is drawn with 16 bits a unit
_ROUNDING = 1e-9  # keep · units this close to a whole number is that number: 0.7 · 10 is meant to be 7


@dataclass(frozen=True, slots=True)
class KeptUnits:
    """How many of a layer's units dropout keeps for one example in one training step.

    Bernoulli: binomial, each unit on its own. Exact: ⌊keep·n⌋ or ⌈keep·n⌉, drawn so that the mean is keep·n.
    Gaussian: every unit is multiplied by N(1, (1 - keep)/keep) and none is dropped, so there is no number of
    kept units; what stands in for it is keep times the sum of the factors, N(keep·n, keep·(1 - keep)·n), a
    continuous number of units' worth with the mean and spread of the binomial.

    Args:
        units: Units of the layer, 1 or more.
        keep_prob: Probability that a unit is *kept*, in (0, 1]; PyTorch's `nn.Dropout(p)` has p = 1 - keep_prob.
        dropout: `"bernoulli"`, `"gaussian"` or `"exact"`.

    Raises:
        PlanError: If a value is out of range; the error lists every problem.

    Example:
        >>> law = KeptUnits(12, 11 / 12)
        >>> round(law.mean, 9), round(law.probability(11), 3)
        (11.0, 0.384)
    """

    units: int
    keep_prob: float
    dropout: str = "bernoulli"

    def __post_init__(self) -> None:
        """Refuse nonsense, all at once."""
        PlanError.raise_all(law_problems(self.units, self.keep_prob, self.dropout))
        # 1 and 1.0, and NumPy's numbers, are one value.
        object.__setattr__(self, "units", int(self.units))
        object.__setattr__(self, "keep_prob", float(self.keep_prob))

    @property
    def mean(self) -> float:
        """Expected number of kept units, keep·n; it need not be whole, whatever the kind of dropout."""
        if self.dropout == "exact":
            least, one_more = self.exact_steps
            return least + one_more
        return self.keep_prob * self.units

    @property
    def sd(self) -> float:
        """Standard deviation of that number, in units: √(n·keep·(1 - keep)); exact: √(f·(1 - f)), f as below."""
        if self.dropout == "exact":
            _, one_more = self.exact_steps
            return math.sqrt(one_more * (1 - one_more))
        return math.sqrt(self.units * self.keep_prob * (1 - self.keep_prob))

    @property
    def relative_noise(self) -> float:
        """Standard deviation of the kept share over its mean; √((1 - keep)/(keep·n)) unless exact."""
        return self.sd / self.mean

    @property
    def none_dropped(self) -> float:
        """Chance that every unit is kept, keep^n if bernoulli; NaN if gaussian, which drops no unit at all."""
        if self.dropout == "bernoulli":
            return self.keep_prob**self.units
        return math.nan if self.dropout == "gaussian" else self.probability(self.units)

    @property
    def all_dropped(self) -> float:
        """Chance that no unit is kept, (1 - keep)^n if bernoulli; NaN if gaussian, which drops no unit at all."""
        if self.dropout == "bernoulli":
            return (1 - self.keep_prob) ** self.units
        return math.nan if self.dropout == "gaussian" else self.probability(0)

    @property
    def exact_steps(self) -> tuple[int, float]:
        """(k, f): `"exact"` dropout keeps k + 1 units with chance f, else k; k + f = keep·n.

        Example:
            >>> KeptUnits(12, 0.875).exact_steps
            (10, 0.5)
        """
        wanted = self.keep_prob * self.units
        if abs(wanted - round(wanted)) < _ROUNDING * self.units:
            return round(wanted), 0.0
        return math.floor(wanted), wanted - math.floor(wanted)

    @property
    def matched_gaussian_sd(self) -> float:
        """√((1 - keep)/keep): `"gaussian"` dropout at this keep multiplies each unit by N(1, this²).

        A unit's factor under bernoulli and exact dropout (0, else 1/keep) has the same mean and variance.
        """
        return math.sqrt((1 - self.keep_prob) / self.keep_prob)

    @property
    def sign_flips(self) -> float:
        """Chance that `"gaussian"` dropout at this keep multiplies a unit by a negative number, Φ(-1/sd).

        Example:
            >>> round(KeptUnits(12, 0.5).sign_flips, 3)
            0.159
        """
        sd = self.matched_gaussian_sd
        return 0.5 * math.erfc(1 / (sd * math.sqrt(2))) if sd else 0.0

    @property
    def realised(self) -> float:
        """The keep probability that training realises.

        Bernoulli masks are drawn with 16 bits a unit, so it is ⌈65536·keep⌉/65536, at most 2^-16 above the one
        asked for (1.5e-5; in a layer of 12 units 0.0002 units on average). Kept units are scaled by this one, so
        that the mean stays right. Exact dropout draws its odd unit with 32 bits: at most 2^-32/n above.
        Gaussian: as asked, up to 32 bits in the draws.
        """
        if self.dropout == "bernoulli":
            return math.ceil(self.keep_prob * _LEVELS) / _LEVELS
        if self.dropout == "exact":
            least, one_more = self.exact_steps
            return (least + math.ceil(one_more * 2**32) / 2**32) / self.units
        return self.keep_prob

    @property
    def support(self) -> range:
        """The numbers of kept units that can happen.

        Raises:
            PlanError: If the dropout is gaussian.
        """
        self._check_counts()
        if self.dropout == "bernoulli" and self.keep_prob < 1:
            return range(self.units + 1)
        least, one_more = self.exact_steps if self.dropout == "exact" else (self.units, 0.0)
        return range(least, least + (2 if one_more else 1))

    @overload
    def probability(self, kept: int) -> float: ...
    @overload
    def probability(self, kept: npt.NDArray[Any] | Sequence[Any]) -> Floats: ...
    def probability(self, kept: int | npt.NDArray[Any] | Sequence[Any]) -> float | Floats:
        """Chance that exactly so many units are kept.

        Args:
            kept: A whole number, or an array of them; what cannot happen (-1, n + 1) has chance 0.

        Returns:
            A float for a number, else an array of the same shape.

        Raises:
            PlanError: If a number is not whole, or the dropout is gaussian.

        Example:
            >>> KeptUnits(2, 0.5).probability([0, 1, 2, 3]).round(12).tolist()
            [0.25, 0.5, 0.25, 0.0]
        """
        self._check_counts()
        counts = whole_counts(kept)
        inside = (counts >= 0) & (counts <= self.units)
        if self.dropout == "exact":
            least, one_more = self.exact_steps
            found = np.where(counts == least, 1 - one_more, np.where(counts == least + 1, one_more, 0.0))
        else:
            found = np.where(
                inside, binomial_chances(np.where(inside, counts, 0), self.units, self.keep_prob), 0.0
            )
        return float(found) if found.ndim == 0 else found

    def at_most(self, kept: int) -> float:
        """Chance that so many units are kept, or fewer; `kept` and Raises as for `probability`."""
        self._check_counts()
        count = int(whole_counts(kept))
        if self.dropout == "exact":
            return float(self.probability([k for k in self.support if k <= count]).sum())
        return binomial_at_most(count, self.units, self.keep_prob)

    def above(self, kept: int) -> float:
        """Chance that more units are kept than that; `kept` and Raises as for `probability`."""
        self._check_counts()
        count = int(whole_counts(kept))
        if self.dropout == "exact":
            return float(self.probability([k for k in self.support if k > count]).sum())
        return binomial_above(count, self.units, self.keep_prob)

    def window(self, tail: float) -> tuple[int, int]:
        """The narrowest counts (fewest, most) that leave out a chance below `tail` on either side.

        Raises:
            PlanError: If the dropout is gaussian.

        Example:
            >>> KeptUnits(12, 0.8).window(0.05)
            (7, 12)
        """
        support = self.support
        fewest = bisect_left(support, tail, key=self.at_most)
        most = bisect_left(support, -tail, key=lambda kept: -self.above(kept))
        # Where the chance above equals the tail exactly, that count is not left out yet.
        while most < len(support) - 1 and self.above(support[most]) >= tail:
            most += 1
        return support[min(fewest, len(support) - 1)], support[min(most, len(support) - 1)]

    def matched_density(self, units: npt.ArrayLike) -> Floats:
        """Density of the gaussian alternative's units' worth, N(keep·n, keep·(1 - keep)·n), per unit.

        Not a number (0/0) anywhere if keep is 1, where nothing is noisy.
        """
        spread = math.sqrt(self.units * self.keep_prob * (1 - self.keep_prob))
        if spread == 0:
            return np.full(np.shape(units), math.nan)
        off = (np.asarray(units, dtype=np.float64) - self.keep_prob * self.units) / spread
        return np.exp(-0.5 * off**2) / (spread * math.sqrt(2 * math.pi))

    @property
    def too_narrow(self) -> bool:
        """Whether the layer is too narrow for its dose: relative noise above 1/6.

        That is fewer than 36·(1 - keep)/keep units (exact: fewer than 3 kept, and not a whole number of them):
        keeping half as many units as on average, or fewer, is then less than three standard deviations away.
        """
        return self.relative_noise > NOISE_BOUND * (1 + 1e-12)

    @property
    def least_keep(self) -> float:
        """The least keep probability for which n units are not too narrow (bernoulli, gaussian): 36/(36 + n)."""
        return 1 / (1 + NOISE_BOUND**2 * self.units)

    @property
    def least_units(self) -> int:
        """The fewest units that are not too narrow at this keep (bernoulli, gaussian): ⌈36·(1 - keep)/keep⌉."""
        wanted = (1 - self.keep_prob) / (self.keep_prob * NOISE_BOUND**2)
        return max(1, math.ceil(wanted * (1 - 1e-12)))

    def with_dropout(self, dropout: str) -> Self:
        """The same layer and keep probability under another kind of dropout.

        Raises:
            PlanError: If there is no such kind.
        """
        return replace(self, dropout=dropout)

    def _check_counts(self) -> None:
        if self.dropout == "gaussian":
            raise no_counts()
