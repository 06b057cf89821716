"""The audit of the verdicts themselves: studies of two identical arms, and what their verdicts add up to.

Arms that are the same can only be told apart wrongly. How often that happened is compared with alpha through an
exact interval, and beside it stands how often a planted difference was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scipy.special import bdtr

from hunch.evidence.decide import decide
from hunch.evidence.guards import find_guard
from hunch.evidence.looks import method_of
from hunch.evidence.outcomes import outcome_values
from hunch.evidence.planted import Planted, plant
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE, REFUTED, SUPPORTED, UNDECIDED, Verdict
from hunch.plan import Plan
from hunch.stats import clopper_pearson
from hunch.traces import RunTable

FAILS_BY_CHANCE = 0.01  # of the audits of a tool whose rate is exactly alpha
MOST_GUARDED = 0.1
LEAST_FOUND = 0.8
TOO_HIGH = 1.6  # times alpha: 8 % where 5 % are promised


@dataclass(frozen=True, slots=True)
class AuditedStudy:
    """One study of two identical arms.

    Args:
        seed: Its study seed.
        blocks: How many blocks the verdict rests on.
        decision: The verdict; `supported` and `refuted` are false.
        effect: The estimate; the truth is 0.
        low: Lower end of its interval.
        high: Upper end; None for a bound.
        p_value: Two-sided sign-flip p-value.
        reached: Share of the runs of both arms that reached the target; NaN where no target is involved.
        is_guarded: Whether a guard kept it from deciding anything.
        reason: What the verdict says besides.
        planted_decision: The verdict once one arm is handicapped; `supported` is right.
        planted_effect: The estimate then.
        is_final: Whether more blocks of the study could change neither verdict.
    """

    seed: int
    blocks: int
    decision: str
    effect: float
    low: float
    high: float | None
    p_value: float
    reached: float
    is_guarded: bool
    reason: str
    planted_decision: str
    planted_effect: float
    is_final: bool

    @property
    def is_false(self) -> bool:
        """Whether identical arms were told apart."""
        return self.decision in (SUPPORTED, REFUTED)

    @property
    def is_found(self) -> bool:
        """Whether the planted difference was found, in its direction."""
        return self.planted_decision == SUPPORTED


def audit_study(plan: Plan, table: RunTable, planted: Planted) -> AuditedStudy:
    """Decide a study of two identical arms, once as it is and once with the planted difference.

    Args:
        plan: The study's plan: two arms, one claim that the first is better.
        table: Its runs.
        planted: What is planted into the second arm.
    """
    [verdict] = decide(plan, table)
    [handicapped] = decide(plan, plant(table, plan.arms[1].name, planted))
    shares = [share for _, share in verdict.reached]
    return AuditedStudy(
        seed=plan.seed,
        blocks=verdict.seeds,
        decision=verdict.decision,
        effect=verdict.effect,
        low=verdict.low,
        high=verdict.high,
        p_value=verdict.p_value,
        reached=sum(shares) / len(shares) if shares else float("nan"),
        is_guarded=_is_guarded(plan, table, verdict),
        reason=verdict.reason,
        planted_decision=handicapped.decision,
        planted_effect=handicapped.effect,
        is_final=verdict.is_final and handicapped.is_final,
    )


def _is_guarded(plan: Plan, table: RunTable, verdict: Verdict) -> bool:
    if verdict.decision != UNDECIDED:
        return False
    if not verdict.history:
        return verdict.is_final
    [claim] = plan.claims
    seen = outcome_values(plan, table, claim).first(plan.seeds[: verdict.history[-1].blocks])
    needs_flip = method_of(plan, table.facts, claim, plan.alpha).needs_sign_flip
    return find_guard(plan, seen, claim, verdict.history[-1].alpha if needs_flip else None) is not None


@dataclass(frozen=True)
class Tally:
    """What the verdicts of an audit add up to.

    Args:
        n: Studies.
        false: Studies that told the identical arms apart.
        same: Studies that found no meaningful difference.
        undecided: Studies that stayed undecided, guarded ones too.
        guarded: Studies that a guard kept from deciding.
        found: Studies that found the planted difference.
        alpha: Share of false verdicts that is promised.
    """

    n: int
    false: int
    same: int
    undecided: int
    guarded: int
    found: int
    alpha: float

    @classmethod
    def of(cls, studies: Sequence[AuditedStudy], alpha: float) -> Tally:
        """Count."""
        return cls(
            n=len(studies),
            false=sum(s.is_false for s in studies),
            same=sum(s.decision == NO_MEANINGFUL_DIFFERENCE for s in studies),
            undecided=sum(s.decision == UNDECIDED for s in studies),
            guarded=sum(s.is_guarded for s in studies),
            found=sum(s.is_found for s in studies),
            alpha=alpha,
        )

    @cached_property
    def false_interval(self) -> tuple[float, float]:
        """Exact 98 % interval of the rate of false verdicts: 1 % of doubt a side."""
        return clopper_pearson(self.false, self.n, 2 * FAILS_BY_CHANCE)

    @cached_property
    def found_interval(self) -> tuple[float, float]:
        """Exact 98 % interval of the share in which the planted difference is found."""
        return clopper_pearson(self.found, self.n, 2 * FAILS_BY_CHANCE)

    @property
    def is_valid(self) -> bool:
        """Whether at most 10 % of the studies were guarded, so that silence means something."""
        return self.guarded <= MOST_GUARDED * self.n

    @property
    def keeps_alpha(self) -> bool:
        """Whether the false verdicts are no more than chance allows at a rate of alpha."""
        return self.false <= most_false(self.n, self.alpha)

    @property
    def finds(self) -> bool:
        """Whether the planted difference was found in at least 80 % of the studies."""
        return self.found >= LEAST_FOUND * self.n

    @property
    def passed(self) -> bool:
        """Valid, no more false verdicts than promised, and what was planted is found."""
        return self.is_valid and self.keeps_alpha and self.finds


def most_false(n: int, alpha: float = 0.05) -> int:
    """The most false verdicts among n studies whose exact 98 % interval still holds alpha, or lies below it.

    A tool whose rate is exactly alpha has more in at most 1 % of its audits.

    Example:
        >>> most_false(200), most_false(1000)
        (18, 67)
    """
    most = int(alpha * n)
    while most < n and clopper_pearson(most + 1, n, 2 * FAILS_BY_CHANCE)[0] <= alpha:
        most += 1
    return most


def chance_to_pass(n: int, rate: float, alpha: float = 0.05) -> float:
    """How likely it is that n studies of a tool with that rate of false verdicts have at most `most_false`.

    Example:
        >>> round(chance_to_pass(200, 0.08), 2), round(chance_to_pass(1000, 0.08), 2)
        (0.75, 0.07)
    """
    return float(bdtr(most_false(n, alpha), n, rate))
