# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""A search over several settings of an arm: the space, how it is searched, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from hunch.errors import PlanError, Problem
from hunch.plan.arms import Arm, is_number, plain
from hunch.plan.doses import split_knob

LINEAR, LOG, CHOICE = "linear", "log", "choice"
WHOLE = ("batch_size",)
SETTINGS = tuple(f.name for f in fields(Arm) if f.name not in ("name", "betas"))


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting of the space.

    Args:
        name: A field of `Arm`, or `"keep_prob at SITE"`.
        kind: `"linear"` or `"log"` (values are the two ends), or `"choice"`.
        values: The ends, or the choices.
    """

    name: str
    kind: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One suggestion.

    Args:
        settings: Pairs (name, value).
        outcome: Mean outcome over the seeds of the search: what was to be low.
        diverged: Share of its runs that diverged.
    """

    settings: tuple[tuple[str, Any], ...]
    outcome: float
    diverged: float


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How a space is searched, and what was found.

    Args:
        space: The axes.
        n: How many suggestions.
        at_once: How many are trained together before the next are asked for.
        seeds: Run seeds of every suggestion.
        sampler: Name and version of what suggests, with its seed: the same gives the same suggestions.
        tried: The suggestions in their order; none before the search is over.
    """

    space: tuple[Axis, ...]
    n: int
    at_once: int
    seeds: tuple[int, ...]
    sampler: str
    tried: tuple[Tried, ...] = ()

    @property
    def best(self) -> Tried | None:
        """The suggestion of the lowest outcome, the first of equals; None before the search is over."""
        return min(self.tried, key=lambda t: t.outcome, default=None)

    def asked(self) -> SearchPlan:
        """The same, before anything was tried."""
        return replace(self, tried=())

    def to_json(self) -> dict[str, Any]:
        """A dict from which `from_json` makes an equal search."""
        return {
            "space": [[a.name, a.kind, list(a.values)] for a in self.space],
            "n": self.n,
            "at_once": self.at_once,
            "seeds": list(self.seeds),
            "sampler": self.sampler,
            "tried": [[[list(pair) for pair in t.settings], t.outcome, t.diverged] for t in self.tried],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The search that `to_json` wrote."""
        return cls(
            space=tuple(Axis(name, kind, tuple(values)) for name, kind, values in data["space"]),
            n=data["n"],
            at_once=data["at_once"],
            seeds=tuple(data["seeds"]),
            sampler=data["sampler"],
            tried=tuple(
                Tried(tuple((name, value) for name, value in settings), outcome, diverged)
                for settings, outcome, diverged in data["tried"]
            ),
        )


def read_space(space: Any) -> tuple[Axis, ...]:
    """The space that was asked for.

    Args:
        space: Setting → `(low, high)`, `(low, high, "log")`, or a list of choices.

    Raises:
        PlanError: If a setting is unknown, or its values make no sense; lists every problem.
    """
    if not isinstance(space, Mapping) or not space:
        raise PlanError(
            f"space must be a mapping from settings of an arm to ranges or choices, got {space!r}. Write for instance "
            "{'keep_prob': (0.5, 1.0), 'l2': (1e-6, 1e-2, 'log'), 'norm': ['none', 'batch']}.",
            "plan-space",
        )
    problems: list[Problem] = []
    axes: list[Axis] = []
    for name, values in space.items():
        base, site = split_knob(name)
        if base not in SETTINGS or (site is not None and base != "keep_prob"):
            problems.append(
                Problem(
                    f"space: {name!r} is no setting that can be searched. Use one of {', '.join(SETTINGS)}, or "
                    "'keep_prob at SITE'.",
                    "plan-space",
                )
            )
            continue
        axis = _axis(str(name), values)
        if axis is None:
            problems.append(
                Problem(
                    f"space: {name} must be a range (low, high), with 'log' behind it for a range of ratios, or a list "
                    f"of two choices or more, got {values!r}.",
                    "plan-space",
                )
            )
            continue
        axes.append(axis)
    PlanError.raise_all(problems)
    return tuple(axes)


def _axis(name: str, values: Any) -> Axis | None:
    if isinstance(values, list):
        return (
            Axis(name, CHOICE, tuple(values))
            if len(values) >= 2 and len(set(map(repr, values))) > 1
            else None
        )
    if not isinstance(values, tuple) or len(values) not in (2, 3) or not all(map(is_number, values[:2])):
        return None
    low, high = (int(v) if name in WHOLE else plain(v) for v in values[:2])
    kind = LINEAR if len(values) == 2 else values[2]
    if kind not in (LINEAR, LOG) or not low < high or (kind == LOG and low <= 0):
        return None
    return Axis(name, kind, (low, high))
