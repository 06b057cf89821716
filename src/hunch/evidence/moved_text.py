"""What moved inside the layers, and how sure a verdict is, each in a sentence for the first screen of a report."""

from __future__ import annotations

import math

from hunch.evidence.method import assumption
from hunch.evidence.moved import GRADIENT_RANGE, LEAST_RATIO, LEAST_SHARE, Moved, ReadingChange
from hunch.evidence.numbers import level, number, ratio, seeds_text
from hunch.evidence.sensitivity import Sensitivity
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE, SUPPORTED, UNDECIDED, Verdict
from hunch.plan import Plan

MOST_NAMED = 2
"""More readings than this are only named in the sentence, without their numbers; the table beneath has all."""

# Reading → (its name, "is" or "are", word for less, word for more); ratios stand before the word.
_WORDS = {
    "saturation": ("saturation", "is", "lower", "higher"),
    "slope": ("the slope of the activation", "is", "lower", "higher"),
    "update_weight_relative": ("the updates of the weights", "are", "smaller", "larger"),
    "update_shift": ("the updates of the shift", "are", "smaller", "larger"),
    "gradient_predictiveness": ("the change of the gradient over a step", "is", "smaller", "larger"),
    GRADIENT_RANGE: ("the range of the gradients over the layers", "is", "narrower", "wider"),
}

_CHOICES = {
    "easier target": "an easier target",
    "harder target": "a harder one",
    "half the budget": "half the budget",
}

NOT_CAUSE = "seen beside the effect, which is no proof that it is the cause"


def reading_words(reading: str) -> str:
    """What a reading is called within a sentence.

    Example:
        >>> reading_words("update_shift"), reading_words("inactive")
        ('the updates of the shift', 'inactive')
    """
    return _WORDS[reading][0] if reading in _WORDS else reading.replace("_", " ")


def describe_moved(found: Moved | None, decision: str) -> str:
    """Why, in one sentence: which readings moved between the arms of the claim, or that none did.

    Args:
        found: What `find_moved` found.
        decision: The verdict's word.
    """
    if found is None:
        return "Readings are compared between two arms that have finished runs at the same seeds; here there are none."
    if not found.readings:
        return "No reading inside the layers applies to both arms, so nothing that was measured can say why."
    if found.is_too_few:
        needed = f"{found.fewest:,} are needed" if found.fewest is not None else "no number is enough"
        return (
            f"{seeds_text(found.seeds)} {'is' if found.seeds == 1 else 'are'} too few to say which reading moved: "
            f"{needed} for {len(found.readings)} readings together."
        )
    moved = found.moved
    if not moved:
        names = _joined([reading_words(change.reading) for change in found.readings])
        so = {
            UNDECIDED: "",
            NO_MEANINGFUL_DIFFERENCE: ", as little as the outcome did",
        }.get(decision, ", so these averages do not explain the effect")
        return (
            f"None of the readings moved between {found.first} and {found.second}, on average over run and layers "
            f"({names}){so}."
        )
    told = _joined([_told(change) for change in moved[:MOST_NAMED]])
    rest = [reading_words(change.reading) for change in moved[MOST_NAMED:]]
    more = f", and {_joined(rest)} moved too" if rest else ""
    body = f"{found.first}, compared with {found.second}, {told}{more}"
    if decision == UNDECIDED:
        return f"The effect is open, so there is nothing to explain yet; but in {body}."
    if decision == NO_MEANINGFUL_DIFFERENCE:
        return f"The outcome is alike although in {body}."
    return f"In {body}; {NOT_CAUSE}."


def describe_rule(found: Moved) -> str:
    """When a reading is said to have moved, and what a move is not."""
    return (
        f"A reading is its mean over run and layers, compared within each of {seeds_text(found.seeds)}. It has moved "
        f"where its {level(found.alpha)} interval holds no difference of 0, the sign-flip test agrees, and the "
        f"difference is at least {number(LEAST_SHARE)} (shares) or {number(LEAST_RATIO)} times (others). Updates "
        "hold the arms’ own learning rates. What moved goes with the effect; it may be its cause, its consequence, or "
        "neither."
    )


def change_text(change: ReadingChange) -> tuple[str, str]:
    """(estimate, interval) of a change as texts: a ratio, or a difference with its sign."""
    ends = (change.effect, change.low, change.high)
    if change.is_ratio:
        mid, low, high = (ratio(math.exp(end)) for end in ends)
        return f"{mid} times", f"{low} to {high}"
    mid, low, high = (number(end) for end in ends)
    return ("+" if change.effect > 0 else "") + mid, f"{low} to {high}"


def describe_sure(verdict: Verdict, plan: Plan, other: Sensitivity | None = None) -> str:
    """How sure, in one sentence: level, pairs, the exact test, and whether other choices say the same.

    Args:
        verdict: The verdict.
        plan: Its plan.
        other: The same effect under other choices; None: nothing is said of them.
    """
    if math.isnan(verdict.effect) or not verdict.history:
        return "No look has been taken yet, so nothing is sure."
    pairs = f"{verdict.seeds:,} {'pairs of runs' if plan.paired else 'runs an arm'}"
    if verdict.claim.favoured is None:
        pairs = seeds_text(verdict.seeds)
    over = "over all looks together " if len(plan.look_counts) > 1 else ""
    share = number(verdict.alpha)
    promise = f"Arms that differ in nothing would {over}be told apart with probability at most {share}"
    text = f"{promise}{assumption(plan).replace('; ', ' (', 1) + ')' if assumption(plan) else ''}; "
    parts = [f"this rests on {pairs}"]
    if not plan.robust and plan.sequence != "anytime" and not math.isnan(verdict.p_value):
        at = verdict.history[-1].alpha
        agrees = verdict.p_value <= at
        known = "the exact sign-flip test agrees" if agrees else "the exact sign-flip test does not agree"
        if verdict.decision == NO_MEANINGFUL_DIFFERENCE or (
            verdict.claim.kind == "same" and verdict.decision == SUPPORTED
        ):
            parts.append(f"the whole {level(at)} interval lies within the margin")
        else:
            parts.append(f"{known} (p {number(verdict.p_value)}, needed {number(at)})")
    if other is not None and len(other.rows) > 1 and verdict.decision != UNDECIDED:
        known_rows = [row.choice for row in other.rows[1:] if not math.isnan(row.effect)]
        if other.flips:
            parts.append(f"the direction is another with {_joined([_CHOICES[c] for c in other.flips])}")
        elif known_rows:
            parts.append(f"the direction is the same with {_joined([_CHOICES[c] for c in known_rows])}")
    return f"{text}{_joined(parts)}."


def _told(change: ReadingChange) -> str:
    name, verb, less, more = _WORDS[change.reading]
    word = more if change.effect > 0 else less
    if change.is_ratio:
        return f"{name} {verb} {ratio(math.exp(abs(change.effect)))} times {word}"
    return f"{name} {verb} {word} ({number(change.first)} against {number(change.second)})"


def _joined(parts: list[str]) -> str:
    """Parts of a sentence, with commas and an "and".

    Example:
        >>> _joined(["a"]), _joined(["a", "b"]), _joined(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
