"""What is said of a hunch that was tested in several regimes: between regimes, and all in one summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence.numbers import level, number, ratio, seeds_text
from hunch.evidence.regimes import Between
from hunch.evidence.regimes_noise import NoiseDifference, describe_noise
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE, REFUTED, SUPPORTED, UNDECIDED
from hunch.evidence.wording import headline, label

HOLDS = "holds"
FAILS = "fails"
DEPENDS = "depends on the regime"
MIXED = "mixed"
NOT_SUPPORTED = "not supported"
"""The prediction of a statement that something does not help: refuted, or no meaningful difference."""

SUMMARIES = (HOLDS, FAILS, DEPENDS, MIXED, UNDECIDED)
"""The words of a summary; `undecided` is the fifth."""


@dataclass(frozen=True, slots=True)
class Found:
    """One verdict of a hunch.

    Args:
        regime: Where it was reached; several for a claim across them.
        claim: What was claimed, in words.
        decision: `supported`, `refuted`, `no meaningful difference` or `undecided`.
    """

    regime: str
    claim: str
    decision: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What all verdicts of a hunch come to.

    Args:
        word: One of `SUMMARIES`.
        text: A sentence that begins with it.
    """

    word: str
    text: str

    def __str__(self) -> str:
        """The sentence."""
        return self.text

    @property
    def rest(self) -> str:
        """The sentence without the word it begins with, for where the word stands apart."""
        rest = self.text.removeprefix(self.word).lstrip(",: ")
        return rest[:1].upper() + rest[1:]


def describe_between(found: Between | NoiseDifference) -> str:
    """A verdict between regimes in a sentence.

    Args:
        found: The verdict.
    """
    if isinstance(found, NoiseDifference):
        return describe_noise(found)
    error_unit = found.facts.error_unit
    if found.about is None:
        return headline(found.verdict, found.plan, error_unit)
    verdict, (one, two) = found.verdict, found.regimes
    word = verdict.decision if verdict.decision in (NO_MEANINGFUL_DIFFERENCE, UNDECIDED) else "different"
    asked = f'"{found.about.text}"'
    if math.isnan(verdict.effect):
        return f"{word}: whether {asked} has the same effect in {one} and {two}. {_capital(verdict.reason)}."
    more, less = (one, two) if verdict.effect >= 0 else (two, one)
    size = _amount(abs(verdict.effect), found, error_unit)
    least = "at least " if verdict.bound == "at_least" and word == "different" else ""
    estimated = "by the estimate " if verdict.decision == UNDECIDED else ""
    text = f"{word}: the effect {asked} is {estimated}{least}{size} larger in {more} than in {less}"
    if verdict.claim.is_ratio:
        text = f"{word}: the effect {asked} is {estimated}{least}{size} times as large in {more} as in {less}"
    limits = f", {label(found.plan)}" if label(found.plan) else ""
    return f"{text} ({_certainty(found, error_unit)}){limits}"


def summarise(
    verdicts: Sequence[Found], between: Sequence[Between | NoiseDifference], predicts: str
) -> Summary:
    """All verdicts of a hunch in one sentence.

    It `holds` if every verdict is the predicted one, `fails` if every one is the opposite or no meaningful
    difference, is `undecided` if none is decided; else it is `mixed`, and `depends on the regime` only where two
    regimes that claim the same come to different verdicts and the difference between them is itself supported. Where
    two regimes claim opposite things a difference is what the statement predicts, and explains nothing.

    Args:
        verdicts: The verdicts of all regimes and across them, each regime with those of its claims.
        between: Answers of `compare_regimes`, or of `compare_noise`.
        predicts: The decision that the statement predicts.
    """
    n = len(verdicts)
    stances = [_stance(found.decision, predicts) for found in verdicts]
    counted = _counted(verdicts)
    if not n or all(stance == UNDECIDED for stance in stances):
        none = "there is no verdict" if not n else "the one verdict is" if n == 1 else f"all {n} verdicts are"
        return Summary(UNDECIDED, f"undecided: {none}{' undecided' if n else ''}")
    if all(stance == HOLDS for stance in stances):
        every = "the verdict is" if n == 1 else f"all {n} verdicts are"
        return Summary(HOLDS, f"holds: {every} as the statement predicts ({counted})")
    predicted = "" if predicts == SUPPORTED else f"; it predicts {predicts}"
    if all(stance == FAILS for stance in stances):
        none = "the verdict is not" if n == 1 else f"none of {n} verdicts is"
        return Summary(FAILS, f"fails: {none} as the statement predicts ({counted}{predicted})")
    by_regime: dict[str, list[Found]] = {}
    for found in verdicts:
        by_regime.setdefault(found.regime, []).append(found)
    told = "; ".join(f"{regime}: {_counted(group)}" for regime, group in by_regime.items())
    if len(by_regime) == 1:
        return Summary(MIXED, f"mixed: {counted}{predicted}")
    unlike = [b for b in between if _is_unlike(b, verdicts, predicts)]
    shown = [b for b in unlike if b.is_supported]
    if shown:
        pairs = list(dict.fromkeys(f"between {b.regimes[0]} and {b.regimes[1]}" for b in shown))
        which = f"a difference {pairs[0]} is itself supported"
        if len(pairs) > 1:
            which = f"differences {', '.join(pairs)} are themselves supported"
        return Summary(DEPENDS, f"depends on the regime: {told}{predicted}; {which}")
    tail = "; no difference between regimes that would explain it is supported" if unlike else ""
    return Summary(MIXED, f"mixed, per regime: {told}{predicted}{tail}")


def _is_unlike(between: Between | NoiseDifference, verdicts: Sequence[Found], predicts: str) -> bool:
    """Whether two regimes that claim the same came to different verdicts on it."""
    if isinstance(between, NoiseDifference):
        stances = {_stance(f.decision, predicts) for f in verdicts if f.regime in between.regimes}
    else:
        asked = {(name, claim.text) for name, claim in zip(between.regimes, between.asked, strict=True)}
        stances = {_stance(f.decision, predicts) for f in verdicts if (f.regime, f.claim) in asked}
        stances = set[str]() if between.opposed else stances
    return len(stances) > 1


def _stance(decision: str, predicts: str) -> str:
    if decision == UNDECIDED:
        return UNDECIDED
    if predicts == NOT_SUPPORTED:
        return FAILS if decision == SUPPORTED else HOLDS
    return HOLDS if decision == predicts else FAILS


def _counted(verdicts: Sequence[Found]) -> str:
    """How often each decision was reached: "2 supported, 1 undecided"; one alone without a number."""
    decisions = [found.decision for found in verdicts]
    words = [w for w in (SUPPORTED, REFUTED, NO_MEANINGFUL_DIFFERENCE, UNDECIDED) if w in decisions]
    if len(decisions) == 1:
        return words[0]
    return ", ".join(f"{decisions.count(word)} {word}" for word in words)


def _certainty(found: Between, error_unit: str) -> str:
    verdict, seeds = found.verdict, seeds_text(found.verdict.seeds)
    low, high = verdict.low, math.inf if verdict.high is None else verdict.high
    if math.isnan(low) or math.isinf(low) or math.isinf(high):
        return seeds
    if verdict.effect < 0:
        low, high = -high, -low
    ends = f"{_amount(low, found, error_unit)} to {_amount(high, found, error_unit)}"
    return f"{level(verdict.alpha)} interval {ends}, {seeds}"


def _amount(value: float, found: Between, error_unit: str) -> str:
    claim = found.verdict.claim
    if claim.is_ratio:
        return ratio(math.exp(value))
    if claim.outcome == "held_out_error" and error_unit == "share":
        return f"{number(100 * value)} points"
    return number(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
