"""By what method a verdict was reached, and what that costs and assumes: in sentences."""

from __future__ import annotations

from hunch.evidence.numbers import number
from hunch.evidence.verdict import Verdict
from hunch.plan import Plan


def assumption(plan: Plan) -> str:
    """What a decision assumes, where the method is not the usual one; ready to follow a sentence.

    Example:
        >>> from hunch.plan import Arm
        >>> assumption(Plan(arms=(Arm("a"),), claims=(), cost="cross_entropy", seeds=()))
        ''
    """
    if plan.robust:
        return "; nothing is assumed of the shape of the differences"
    if plan.sequence == "anytime":
        return "; promised for Gaussian differences only"
    return ""


def describe_method(plan: Plan) -> tuple[str, ...]:
    """How an effect becomes an interval and a verdict, in a sentence or two."""
    many = len(plan.look_counts) > 1
    if plan.robust:
        when = "However often one looks, " if many else ""
        return (
            "Robust: the interval holds every effect against which bets on the bounded outcome have not won "
            "1/alpha times the stake. Nothing is assumed of the shape of the differences.",
            f"{when}{'it' if when else 'It'} is wrong with probability at most alpha; for that it is wide, "
            "the more so early on.",
        )
    if plan.sequence == "anytime":
        return (
            "Anytime: a confidence sequence (a Gaussian mixture of t tests), looked at after every block and "
            "stopped whenever a claim is decided.",
            "This is promised for Gaussian differences only: in simulations with strong skew up to 18 % of "
            "such intervals were wrong where 5 % were meant to be.",
        )
    how = (
        "Student's t over the paired differences, joined with Hall's interval where they are skewed; the "
        "exact sign-flip test must agree."
    )
    if not many:
        return (f"One look, at the end: {how}",)
    return (
        f"Planned looks: {how}",
        "Each look has a boundary, the p-value that it needs, such that all looks together spend the claim's "
        "alpha once; the interval at a look is of level 1 − boundary. A claim that is decided keeps its "
        "verdict.",
    )


def describe_share(plan: Plan) -> str:
    """The error that all claims may make together, and each one's share of it."""
    if_ = " if the differences are Gaussian" if plan.sequence == "anytime" and not plan.robust else ""
    text = (
        "Over all claims and looks together, arms that differ in nothing are told apart with probability at "
        f"most {number(plan.alpha)}{if_}"
    )
    n = len(plan.claims)
    if n > 1:
        text += f"; each of the {n} claims has {number(plan.alpha / n)} of it"
    return text + "."


def describe_use(verdict: Verdict, plan: Plan) -> str:
    """The blocks that a verdict took, against a design of a fixed number of them."""
    most = plan.look_counts[-1]
    if not verdict.looks:
        return f"Not looked at yet; the first look is at {_blocks(plan.look_counts[0])}."
    used, n = verdict.looks[-1], len(plan.look_counts)
    if n == 1:
        return f"One look at {_blocks(used)}, as planned."
    at = f"Look {len(verdict.looks)} of {n}: {used:,} of at most {_blocks(most)} used"
    if used == most:
        return f"{at}, as many as a fixed design has."
    if not verdict.is_final:
        return f"{at} so far."
    why = "given up early, which saved" if verdict.decision == "undecided" else "decided early, which saved"
    return f"{at}; {why} {most - used:,} against a fixed design of {most:,}."


def _blocks(n: int) -> str:
    return f"{n:,} block{'' if n == 1 else 's'}"
