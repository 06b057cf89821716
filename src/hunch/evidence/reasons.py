"""Why a verdict is undecided, or what qualifies it: the sentences of `Verdict.reason`.

Each starts small and has no full stop, so that it can stand alone or follow a headline.
"""

from __future__ import annotations

import math

from hunch.evidence.numbers import number, percent, seeds_text
from hunch.plan import Claim, Plan

Shares = tuple[tuple[str, float], ...]


def not_frozen() -> str:
    """There is no verdict before the pilot is done."""
    return "the pilot is not finished, so target and margin are not fixed yet; the same call resumes it"


def no_target() -> str:
    """There is no verdict about iterations without a target."""
    return (
        "no arm learned in the pilot, so there is no cost to reach; give target=, a larger budget=, or look "
        "for what keeps the network from learning"
    )


def too_hard(plan: Plan, reached: Shares) -> str:
    """A target that hardly any run reaches decides nothing."""
    return (
        f"the target is too hard: {reach_text(reached, 'it')} within {plan.budget or 0:,} iterations, and "
        "runs that never arrive have no times to compare; give an easier target= or a larger budget="
    )


def too_easy() -> str:
    """A target that is reached at once decides nothing."""
    return (
        "the target is too easy: every arm has reached it by the first evaluation in at least half of its "
        "runs, so their times cannot be told apart; give a harder target="
    )


def few_pairs(n: int, n_missing: int, claim: Claim) -> str:
    """So few seeds decide nothing."""
    missing = f"; {n_missing:,} of the plan {'is' if n_missing == 1 else 'are'} missing" if n_missing else ""
    if not n:
        return (
            f"{_listed(claim.arms)} share no seed with a finished run{missing}; the same call with the same "
            "store makes what is missing"
        )
    have = f"only {seeds_text(n)} with a finished run"
    return f"there {'are' if n > 1 else 'is'} {have} in every arm{missing}"


def unfinished(n: int, next_look: int) -> str:
    """Between two looks nothing is decided: looking whenever one likes finds too much."""
    have = f"{n:,} block{'' if n == 1 else 's'}" if n else "no block"
    return (
        f"the study is not finished: there {'is' if n <= 1 else 'are'} {have} so far, and the next look is "
        f"at {next_look:,}; the same call with the same store goes on"
    )


def futile(n: int, last: int) -> str:
    """No more blocks were bought."""
    return (
        f"after {n:,} blocks it was unlikely that the {last:,} of this study would decide it, so no more "
        "were bought"
    )


def every_tuning_diverged(arms: tuple[str, ...], rates: list[float]) -> str:
    """An arm that trains at no rate is no fair opponent."""
    return (
        f"{_listed(arms)} diverged in every tuning run, at learning rates from {number(min(rates))} to "
        f"{number(max(rates))}; give the arm a smaller lr=, a smaller init_std= or a norm"
    )


def identical(claim: Claim) -> str:
    """Differences that are all 0 decide nothing."""
    return (
        "the arms are identical in this outcome: at every seed "
        f"{_listed(claim.arms)} give the same value, as when a setting has no effect"
    )


def all_capped(claim: Claim) -> str:
    """Costs that are all as high as counts decide nothing."""
    return (
        f"every run of {_listed(claim.arms)} ended at or above the cost of a constant prediction, and no run counts "
        "for more than that: ask for a shorter budget=, or compare the error, the gap or the iterations"
    )


def sign_flip_floor(n: int, alpha: float, smallest: float, is_hopeless: bool) -> str:
    """N seeds are too few for the exact test whatever they show."""
    text = (
        f"with {seeds_text(n)} the exact sign-flip test cannot give a p-value below {number(smallest)}, and "
        f"this claim's share of alpha is {number(alpha)}"
    )
    return text + "; no number of seeds is enough for so small a share: make fewer claims" * is_hopeless


def reading_absent(claim: Claim, arms: tuple[str, ...]) -> str:
    """A reading that does not apply decides nothing."""
    at = f" at site {claim.site}" if claim.site else ""
    return (
        f"{claim.outcome.replace('_', ' ')}{at} has no value in any run of {_listed(arms)}: it does "
        "not apply there (an unbounded activation has no saturation, a layer without activation no slope)"
    )


def reading_missing(claim: Claim, n_without: int, n: int) -> str:
    """A reading that too many runs lack decides nothing."""
    return (
        f"{claim.outcome.replace('_', ' ')} is missing at {n_without:,} of {seeds_text(n)}, where a "
        "run diverged before it was taken; the seeds that are left are no fair sample"
    )


def contrast_censored(few: Shares) -> str:
    """A contrast of several arms that the budget may have made decides nothing."""
    return (
        f"{reach_text(few)}; times that stop at the budget may themselves have made this contrast; give a "
        "larger budget= or an easier target="
    )


def is_bound(few: Shares) -> str:
    """The effect is a bound."""
    return (
        f"{reach_text(few)}; a run that never does counts as the budget, so the effect is at least this large"
    )


def reach_note(few: Shares) -> str:
    """An arm that does not always reach is ahead nevertheless; empty if there is none."""
    return f"{reach_text(few)}; a run that never does counts as the budget" if few else ""


def below_resolution() -> str:
    """Differences that are all the same, and tiny, decide nothing."""
    return "every seed gives the same difference, and it is smaller than what the measurement resolves"


def equality_censored(few: Shares) -> str:
    """Arms whose runs stop at the budget are not called equal."""
    return (
        f"the interval lies inside the margin, but {reach_text(few)}, and times that stop at the budget look "
        "more alike than they are"
    )


def sign_flip_disagrees(p_value: float, alpha: float) -> str:
    """An interval away from 0 is not enough."""
    return (
        "the interval excludes no difference, but the exact sign-flip test does not agree: its p-value, "
        f"{number(p_value)}, is above {number(alpha)}"
    )


def adjusted_disagrees(adjusted: float, alpha: float) -> str:
    """Of many claims that are looked through, some look like something."""
    return (
        "the interval excludes no difference, but over all claims asked in this call the adjusted sign-flip "
        f"p-value, {number(adjusted)}, is above {number(alpha)}"
    )


def margin_crossed(claim: Claim, margin: float, error_unit: str = "share") -> str:
    """An interval that holds both no difference and one that matters decides nothing."""
    shown = number(math.exp(margin) if claim.is_ratio else margin)
    if claim.outcome == "held_out_error" and error_unit == "share":
        shown = f"{number(100 * margin)} points"  # the unit in which the interval is given
    if claim.kind == "same":
        return f"the interval holds differences both smaller and larger than the margin of {shown}"
    return f"the interval holds no difference as well as one larger than the margin of {shown}"


def reach_text(reached: Shares, what: str = "the target") -> str:
    """Shares of runs that reached, in words.

    Example:
        >>> reach_text((("before", 1.0), ("none", 0.35)))
        'arm "before" reached the target in 100 % of its runs, arm "none" in 35 %'
    """
    texts = [f'arm "{arm}" in {percent(share)}' for arm, share in reached]
    if not texts:
        return f"no arm reached {what}"
    first = texts[0].replace(" in ", f" reached {what} in ", 1) + " of its runs"
    return ", ".join([first, *texts[1:]])


def _listed(arms: tuple[str, ...]) -> str:
    quoted = [f'"{arm}"' for arm in arms]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
