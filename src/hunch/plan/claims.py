# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""Claims: what is asked beforehand, so that the answer can be a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from hunch.errors import PlanError, Problem
from hunch.plan.arms import is_number, plain

RECORDED = (
    "saturation",
    "saturated",
    "slope",
    "inactive",
    "preactivation_mean",
    "preactivation_spread",
    "gradient_norm",
    "update_weight",
    "update_weight_relative",
    "update_shift",
)
"""The readings that every run of a study records, in the order of `Trace.readings`."""

ON_REQUEST = ("gradient_change", "gradient_predictiveness", "gradient_cosine")
"""Readings that are recorded, after those, only where a claim is about one: each costs passes of its own."""

DERIVED = ("gradient_growth",)
"""Readings that `traces` computes from recorded ones."""

READING_NAMES = (*RECORDED, *ON_REQUEST, *DERIVED)
"""What is measured inside the layers, per site. `probe` defines each, and `traces` those that are derived."""

OUTCOMES = ("iterations", "cost", "held_out_cost", "held_out_error", "gap", *READING_NAMES)


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about the arms, fixed before the runs that decide it.

    The effect of a claim is Σ weight · outcome, taken within each seed (for `iterations` on the logarithm of
    min(iterations, budget)); it is written so that a positive effect favours the claim. Make claims with
    `faster`, `lower_cost`, `lower_error`, `lower`, `higher`, `same` or `contrast`.

    Args:
        kind: `"more"` (the effect is above 0) or `"same"` (the effect lies within ± margin).
        outcome: One of `iterations`, `cost`, `held_out_cost`, `held_out_error`, `gap` (held-out cost minus
            training cost), or the name of a reading.
        weights: Pairs (arm, weight), weights summing to 0.
        margin: The smallest effect that matters: a ratio above 1 for `iterations`, else a difference in the
            outcome's own unit. None: the study's default for that outcome.
        site: For readings, the one site that is meant; None: the mean over sites.

    Raises:
        PlanError: If the outcome is unknown, the margin makes no sense, or the weights do not sum to 0.
    """

    kind: str
    outcome: str
    weights: tuple[tuple[str, float], ...]
    margin: float | None = None
    site: str | None = None

    def __post_init__(self) -> None:
        """Refuse nonsense, all at once."""
        weights = self.weights.items() if isinstance(self.weights, Mapping) else self.weights
        object.__setattr__(self, "weights", tuple((str(a), plain(w)) for a, w in weights))
        PlanError.raise_all(self.validate())
        object.__setattr__(self, "margin", plain(self.margin))

    def validate(self) -> list[Problem]:
        """Every problem of this claim."""
        return list(_problems(self))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms the claim is about."""
        return tuple(arm for arm, _ in self.weights)

    @property
    def favoured(self) -> str | None:
        """The arm that a pair claim speaks for; None for other contrasts."""
        pair = self._pair()
        return pair[0] if pair else None

    @property
    def reference(self) -> str | None:
        """The arm that a pair claim compares with; None for other contrasts."""
        pair = self._pair()
        return pair[1] if pair else None

    def _pair(self) -> tuple[str, str] | None:
        """(arm claimed for, arm compared with), when the weights are +1 and -1."""
        if len(self.weights) != 2:
            return None
        (first, w1), (second, w2) = self.weights
        return (first, second) if {w1, w2} == {1.0, -1.0} else None

    @property
    def is_ratio(self) -> bool:
        """Whether effects are log ratios (iterations) rather than differences."""
        return self.outcome == "iterations"

    @property
    def is_reading(self) -> bool:
        """Whether the outcome is measured inside the layers."""
        return self.outcome in READING_NAMES

    @property
    def text(self) -> str:
        """The claim in words, the way `parse_claim` reads it where it can.

        Example:
            >>> faster("before", than="none").text
            'before faster than none'
        """
        at = f" at {self.site}" if self.site else ""
        pair = self._pair()
        if pair is None:
            body = " ".join(f"{w:+g}·{arm}" for arm, w in self.weights)
            return f"{self.outcome}{at} of {body} is {'0' if self.kind == 'same' else 'above 0'}"
        a, b = pair
        if self.kind == "same":
            return f"{a} same {self.outcome}{at} as {b}"
        higher_wins = dict(self.weights)[a] > 0
        if self.outcome == "iterations" and not higher_wins:
            return f"{a} faster than {b}"
        word = {"cost": "cost", "held_out_error": "error"}.get(self.outcome, self.outcome)
        return f"{a} {'higher' if higher_wins else 'lower'} {word}{at} than {b}"

    def with_margin(self, margin: float) -> Self:
        """The same claim with its margin fixed."""
        return replace(self, margin=margin)

    def to_json(self) -> dict[str, Any]:
        """A dict from which `from_json` makes an equal claim."""
        return {
            "kind": self.kind,
            "outcome": self.outcome,
            "weights": [list(pair) for pair in self.weights],
            "margin": self.margin,
            "site": self.site,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The claim that `to_json` wrote."""
        return cls(
            kind=data["kind"],
            outcome=data["outcome"],
            weights=tuple((a, w) for a, w in data["weights"]),
            margin=data.get("margin"),
            site=data.get("site"),
        )


def faster(a: str, *, than: str, margin: float | None = None) -> Claim:
    """Claim that arm `a` needs fewer iterations to the target than arm `than`.

    Args:
        a: The arm claimed to be faster.
        than: The arm it is compared with.
        margin: The smallest ratio of iterations that matters, above 1. Default 1.10.
    """
    return Claim("more", "iterations", ((a, -1.0), (than, 1.0)), margin)


def lower_cost(a: str, *, than: str, margin: float | None = None) -> Claim:
    """Claim that arm `a` ends at a lower cost (on the study's `metric`) than arm `than`.

    Args:
        a: The arm claimed to end lower.
        than: The arm it is compared with.
        margin: The smallest difference in cost that matters. Default: 5 % of the way from c0, the cost of a
            constant prediction, to the best arm's cost in the pilot.
    """
    return Claim("more", "cost", ((a, -1.0), (than, 1.0)), margin)


def lower_error(a: str, *, than: str, margin: float | None = None) -> Claim:
    """Claim that arm `a` ends at a lower held-out error than arm `than`.

    Args:
        a: The arm claimed to end lower.
        than: The arm it is compared with.
        margin: The smallest difference that matters: a share in 0..1 for classification (0.01 is one point),
            in the target's unit for regression. Default: the larger of 0.5 point and 10 % of the pilot's
            error.
    """
    return Claim("more", "held_out_error", ((a, -1.0), (than, 1.0)), margin)


def lower(reading: str, a: str, *, than: str, site: str | None = None, margin: float | None = None) -> Claim:
    """Claim that a reading (or `"held_out_cost"`, `"gap"`) is lower in arm `a` than in arm `than`.

    Args:
        reading: One of `hunch.plan.READING_NAMES`, or another outcome.
        a: The arm claimed to be lower.
        than: The arm it is compared with.
        site: One site; None means the mean over sites.
        margin: The smallest difference that matters, in the reading's unit. Default: 10 % of the pilot's
            value in the arm compared with.
    """
    return Claim("more", reading, ((a, -1.0), (than, 1.0)), margin, site)


def higher(reading: str, a: str, *, than: str, site: str | None = None, margin: float | None = None) -> Claim:
    """Claim that a reading (or another outcome) is higher in arm `a` than in arm `than`.

    Args:
        reading: One of `hunch.plan.READING_NAMES`, or another outcome.
        a: The arm claimed to be higher.
        than: The arm it is compared with.
        site: One site; None means the mean over sites.
        margin: The smallest difference that matters, in the reading's unit. Default as for `lower`.
    """
    return Claim("more", reading, ((a, 1.0), (than, -1.0)), margin, site)


def same(
    a: str, b: str, *, of: str = "iterations", margin: float | None = None, site: str | None = None
) -> Claim:
    """Claim that two arms differ by less than the margin.

    Args:
        a: One arm.
        b: The other.
        of: The outcome.
        margin: What counts as equal: effects within ± margin (a ratio for iterations).
        site: For readings, one site.
    """
    return Claim("same", of, ((a, -1.0), (b, 1.0)), margin, site)


def contrast(
    outcome: str, weights: Mapping[str, float], *, margin: float | None = None, site: str | None = None
) -> Claim:
    """Claim that Σ weight · outcome is above 0, for instance an interaction of four arms.

    Args:
        outcome: `iterations` (on its logarithm), `cost`, `held_out_cost`, `held_out_error`, `gap` or a
            reading.
        weights: Arm → weight; the weights sum to 0.
        margin: The smallest effect that matters.
        site: For readings, one site.
    """
    return Claim("more", outcome, tuple(weights.items()), margin, site)


_FORM = re.compile(
    r"^\s*(?P<a>\S+)\s+"
    r"(?:(?P<faster>faster)|(?P<dir>lower|higher)\s+(?P<what>\S+)(?:\s+at\s+(?P<site>\S+))?)"
    r"\s+than\s+(?P<b>\S+)(?:\s+by\s+(?P<margin>\S+))?\s*$"
)
_SAME = re.compile(
    r"^\s*(?P<a>\S+)\s+same\s+(?P<what>\S+)(?:\s+at\s+(?P<site>\S+))?\s+as\s+(?P<b>\S+)"
    r"(?:\s+within\s+(?P<margin>\S+))?\s*$"
)
_WORDS = {"cost": "cost", "error": "held_out_error"}


def parse_claim(text: str) -> Claim:
    """Read a claim from the command line.

    The forms are `A faster than B`, `A lower cost than B`, `A lower error than B`,
    `A lower|higher READING [at SITE] than B`, each with an optional `by MARGIN`, and
    `A same OUTCOME [at SITE] as B [within MARGIN]`.

    Raises:
        PlanError: If the text has none of these forms.

    Example:
        >>> parse_claim("before faster than none") == faster("before", than="none")
        True
    """
    found = _FORM.match(text)
    kind = "more"
    if not found:
        found, kind = _SAME.match(text), "same"
    if not found:
        raise PlanError(
            f"cannot read the claim {text!r}. Write for instance 'before faster than none', "
            "'before lower cost than none', 'before lower error than none' or "
            "'before lower saturation than none'.",
            "plan-claim-form",
        )
    part = found.groupdict()
    margin = None
    if part["margin"]:
        try:
            margin = float(part["margin"])
        except ValueError:
            raise PlanError(
                f"claim {text!r}: the margin must be a number, got {part['margin']!r}. "
                "Write for instance 'before faster than none by 1.1'.",
                "plan-claim-margin",
            ) from None
    if part.get("faster"):
        return faster(part["a"], than=part["b"], margin=margin)
    outcome = _WORDS.get(part["what"], part["what"])
    if kind == "same":
        return same(part["a"], part["b"], of=outcome, margin=margin, site=part["site"])
    make = lower if part["dir"] == "lower" else higher
    return make(outcome, part["a"], than=part["b"], site=part["site"], margin=margin)


def read_claim(claim: Claim | str) -> Claim:
    """A claim; one that is written out, as on the command line, is read.

    Raises:
        PlanError: If it is neither a claim nor a text that `parse_claim` can read.
    """
    if isinstance(claim, str):
        return parse_claim(claim)
    if not isinstance(claim, Claim):
        raise PlanError(
            f"claims must be hunch claims, got {claim!r}. Write hunch.faster('before', than='none'), or "
            "'before faster than none'.",
            "plan-claims",
        )
    return claim


def asks_on_request(claims: Iterable[Claim]) -> bool:
    """Whether a claim is about a reading that is taken on request only.

    Example:
        >>> asks_on_request([faster("a", than="b"), lower("gradient_change", "a", than="b")])
        True
    """
    return any(claim.outcome in ON_REQUEST for claim in claims)


def _problems(claim: Claim):
    where = f"the claim about {' and '.join(claim.arms) or 'no arm'}"
    if claim.kind not in ("more", "same"):
        yield Problem(f"{where}: kind must be 'more' or 'same', got {claim.kind!r}.", "plan-claim-kind")
    if claim.outcome not in OUTCOMES:
        yield Problem(
            f"{where}: {claim.outcome!r} is not an outcome or a reading. Use one of {', '.join(OUTCOMES)}.",
            "plan-claim-outcome",
        )
    if len(set(claim.arms)) != len(claim.arms) or len(claim.weights) < 2:
        yield Problem(
            f"{where}: a claim compares at least two different arms, got {', '.join(claim.arms) or 'none'}. "
            "Name another arm to compare with.",
            "plan-claim-arms",
        )
    elif (
        any(not is_number(w) or w == 0 for _, w in claim.weights)
        or abs(sum(w for _, w in claim.weights)) > 1e-9
    ):
        shown = ", ".join(f"{a}: {w:g}" if is_number(w) else f"{a}: {w!r}" for a, w in claim.weights)
        yield Problem(
            f"{where}: the weights must be numbers other than 0 that sum to 0, got {{{shown}}}. "
            "An interaction of four arms has the weights +1, -1, -1, +1.",
            "plan-claim-weights",
        )
    if claim.margin is not None:
        low = 1.0 if claim.is_ratio else 0.0
        if not is_number(claim.margin) or claim.margin <= low:
            unit = "a ratio above 1 (1.1 is ten per cent)" if claim.is_ratio else "a number above 0"
            yield Problem(f"{where}: the margin must be {unit}, got {claim.margin!r}.", "plan-claim-margin")
    if claim.site is not None and not claim.is_reading:
        yield Problem(
            f"{where}: site={claim.site!r} is only for readings, and {claim.outcome!r} is no reading. "
            "Leave site out.",
            "plan-claim-site",
        )
