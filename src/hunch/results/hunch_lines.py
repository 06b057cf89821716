"""Every verdict of a hunch as one line, with its effect in a few characters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hunch.evidence import number, ratio
from hunch.results.hunch_answer import HunchAnswer

ACROSS = "across regimes"
NOTHING = "not measured"


@dataclass(frozen=True, slots=True)
class Line:
    """One verdict of a hunch.

    Args:
        regime: Where it was reached, or "across regimes".
        claim: What was claimed, in words.
        decision: `supported`, `refuted`, `no meaningful difference` or `undecided`.
        effect: The estimate, positive in the claim's direction: a log ratio or a difference; NaN if there is none.
        low: Lower end of its interval; -infinity where the effect is at most so much.
        high: Upper end; infinity where it is at least so much.
        seeds: Number of seeds it rests on.
        is_ratio: Whether effect and interval are logarithms of ratios.
    """

    regime: str
    claim: str
    decision: str
    effect: float
    low: float
    high: float
    seeds: int
    is_ratio: bool

    @property
    def size(self) -> str:
        """Effect and interval.

        Example:
            >>> Line("", "", "supported", 0.0518, 0.0152, 0.0883, 8, False).size
            '0.0518 (0.0152 to 0.0883)'
            >>> Line("", "", "supported", 0.7, 0.2152, math.inf, 8, True).size
            'at least ×1.24'
        """
        if math.isnan(self.effect) or math.isnan(self.low) or math.isnan(self.high):
            return NOTHING
        if math.isinf(self.high) and math.isfinite(self.low):
            return f"at least {self._amount(self.low)}"
        if math.isinf(self.low) and math.isfinite(self.high):
            return f"at most {self._amount(self.high)}"
        if math.isinf(self.low):
            return f"{self._amount(self.effect)} (open on both sides)"
        return f"{self._amount(self.effect)} ({self._amount(self.low, '')} to {self._amount(self.high, '')})"

    def _amount(self, value: float, sign: str = "×") -> str:
        return f"{sign}{ratio(math.exp(value))}" if self.is_ratio else number(value)


def lines_of(answer: HunchAnswer) -> tuple[Line, ...]:
    """The lines of an answer, in the order of its `frame()`."""
    asked = [verdict.claim.is_ratio for verdict in answer.verdicts]
    rows = answer.frame().to_dict("records")
    # Two knobs are compared by the ratio of how much runs scatter under each.
    is_ratio = asked if len(asked) == len(rows) else [True] * len(rows)
    return tuple(
        Line(
            regime=str(row["regime"]),
            claim=str(row["claim"]),
            decision=str(row["verdict"]),
            effect=float(row["effect"]),
            low=float(row["low"]),
            high=float(row["high"]),
            seeds=int(row["seeds"]),
            is_ratio=flag,
        )
        for row, flag in zip(rows, is_ratio, strict=True)
    )
