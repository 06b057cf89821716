# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""Doses: the values of a knob that are compared on the same seeds, and which of them are only tried if needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from hunch.errors import PlanError, Problem
from hunch.plan.arms import is_number, plain

KNOBS = ("keep_prob", "l2", "weight_decay", "lr", "init_std")
DOSE_OUTCOMES = {
    "cost": "held_out_cost",
    "error": "held_out_error",
    "iterations": "iterations",
    "gap": "gap",
}
"""What `hunch.tune` calls an outcome → what a claim calls it."""

GRIDS: dict[str, tuple[float, ...]] = {
    "keep_prob": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
    "l2": (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "weight_decay": (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3),
    "lr": (0.003, 0.009487, 0.03, 0.09487, 0.3, 0.9487, 3.0),
    "init_std": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
}
"""The default doses of one knob; `lr` is multiplied by 0.03 for Adam and its like."""

COARSE: dict[str, tuple[float, ...]] = {
    "keep_prob": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "l2": (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "weight_decay": (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1),
}
"""The default doses of each of two knobs; of other knobs those of `GRIDS`."""

BEYOND: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "keep_prob": ((0.1, 0.2), ()),
    "l2": ((), (0.1, 0.3)),
    "weight_decay": ((), (1.0, 3.0)),
    "lr": ((0.0003, 0.0009487), (9.487, 30.0)),
    "init_std": ((0.001, 0.003), (10.0,)),
}
"""(below, above): tried only if the best mean of the default doses lies at that end."""


@dataclass(frozen=True, slots=True)
class Spare:
    """Doses that are trained only if the best mean of the others lies at one end of a knob.

    Args:
        knob: Position of the knob in the curve's.
        side: `"low"` or `"high"`.
        arms: The arms.
    """

    knob: int
    side: str
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One dose-response curve: the arms that differ in the doses of one knob, or of two.

    Args:
        knobs: One or two of `KNOBS`; `"keep_prob at 0"` is that of one site.
        arms: The arms, spare ones too, doses rising (two knobs: the second one runs faster).
        values: The doses of each arm, one a knob.
        spares: What is only trained if needed.
        default: The arm that the user has so far; None if it is none of them.
    """

    knobs: tuple[str, ...]
    arms: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    spares: tuple[Spare, ...] = ()
    default: str | None = None

    @property
    def base(self) -> tuple[str, ...]:
        """The arms that are always trained."""
        spare = {arm for s in self.spares for arm in s.arms}
        return tuple(arm for arm in self.arms if arm not in spare)

    def value(self, arm: str) -> tuple[float, ...]:
        """The doses of an arm, one a knob."""
        return self.values[self.arms.index(arm)]

    def is_log(self, knob: int = 0) -> bool:
        """Whether doses of a knob are compared by their ratio: all but keep probabilities."""
        return not self.knobs[knob].startswith("keep_prob")


@dataclass(frozen=True, slots=True)
class Doses:
    """What a study asks when it asks how much.

    Args:
        outcome: `held_out_cost`, `held_out_error`, `iterations` or `gap`.
        curves: The curves; all on the same seeds.
        n_seeds: How many of the plan's seeds every dose is trained on; those that follow are fresh seeds, for
            the best dose and the default alone.
        asks: `"near_optimal"`: which doses are good enough. `"equivalent"`: which doses of the second
            curve do what those of the first do.
    """

    outcome: str
    curves: tuple[Curve, ...]
    n_seeds: int
    asks: str = "near_optimal"

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms, curve by curve, each once."""
        return tuple(dict.fromkeys(arm for curve in self.curves for arm in curve.arms))

    def to_json(self) -> dict[str, Any]:
        """A dict from which `from_json` makes equal doses."""
        return {
            "outcome": self.outcome,
            "n_seeds": self.n_seeds,
            "asks": self.asks,
            "curves": [
                {
                    "knobs": list(c.knobs),
                    "arms": list(c.arms),
                    "values": [list(v) for v in c.values],
                    "spares": [[s.knob, s.side, list(s.arms)] for s in c.spares],
                    "default": c.default,
                }
                for c in self.curves
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The doses that `to_json` wrote."""
        return cls(
            outcome=data["outcome"],
            n_seeds=data["n_seeds"],
            asks=data["asks"],
            curves=tuple(
                Curve(
                    tuple(c["knobs"]),
                    tuple(c["arms"]),
                    tuple(tuple(v) for v in c["values"]),
                    tuple(Spare(knob, side, tuple(arms)) for knob, side, arms in c["spares"]),
                    c["default"],
                )
                for c in data["curves"]
            ),
        )


def split_knob(knob: str) -> tuple[str, str | None]:
    """(name, site) of a knob.

    Example:
        >>> split_knob("keep_prob at 0"), split_knob("l2")
        (('keep_prob', '0'), ('l2', None))
    """
    name, at, site = str(knob).partition(" at ")
    return name.strip(), site.strip() if at else None


def dose_name(knobs: Sequence[str], values: Sequence[float]) -> str:
    """What an arm of these doses is called.

    Example:
        >>> dose_name(["keep_prob", "l2"], [0.5, 0.001])
        'keep_prob=0.5, l2=0.001'
    """
    return ", ".join(f"{knob}={value:g}" for knob, value in zip(knobs, values, strict=True))


def read_knobs(knob: Any) -> tuple[str, ...]:
    """The knobs that were asked for: one, or two.

    Raises:
        PlanError: If a name is unknown, a site stands behind something else than `keep_prob`, the two are the
            same, or there are more than two.
    """
    knobs = (knob,) if isinstance(knob, str) else tuple(knob) if isinstance(knob, list | tuple) else ()
    problems: list[Problem] = []
    listed = ", ".join(KNOBS)
    if not knobs or not all(isinstance(k, str) for k in knobs):
        raise PlanError(
            f"knob must be one of {listed}, or a list of two of them, got {knob!r}. Write knob='keep_prob', "
            "or knob='keep_prob at 0' for the site 0 alone.",
            "plan-knob",
        )
    found: list[str] = []
    for each in knobs:
        name, site = split_knob(each)
        if name not in KNOBS:
            hint = " Dropout is tuned by the probability to keep." if name in ("p", "dropout", "rate") else ""
            problems.append(Problem(f"knob {each!r} is none of {listed}.{hint}", "plan-knob"))
        elif site is not None and name != "keep_prob":
            problems.append(
                Problem(
                    f"knob {each!r}: only keep_prob is set for one site, {name} holds for the whole network. "
                    f"Write knob={name!r}.",
                    "plan-knob",
                )
            )
        found.append(name if site is None else f"{name} at {site}")
    if len(set(found)) != len(found):
        problems.append(
            Problem(f"knob names {found[0]!r} twice. Name another knob, or one alone.", "plan-knob")
        )
    if len(found) > 2:
        problems.append(
            Problem(
                f"knob names {len(found)} knobs, and a grid has two at most: {len(found)} of 7 doses each would "
                f"be {7 ** len(found):,} arms. Use hunch.search for more.",
                "plan-knob",
            )
        )
    PlanError.raise_all(problems)
    return tuple(found)


def read_doses(knobs: Sequence[str], doses: Any) -> tuple[tuple[float, ...], ...] | None:
    """The doses that were given, rising, one tuple a knob; None where the default ones are wanted.

    Raises:
        PlanError: If they are no numbers, or fewer than two different ones.
    """
    if doses is None:
        return None
    per_knob = [doses] if len(knobs) == 1 else list(doses) if _is_listed(doses) else []
    if len(per_knob) != len(knobs):
        raise PlanError(
            f"doses must be one list for each of the knobs {', '.join(knobs)}, got {doses!r}. Write "
            "doses=[[0.5, 0.8, 1.0], [0, 0.001, 0.01]].",
            "plan-doses",
        )
    problems: list[Problem] = []
    found: list[tuple[float, ...]] = []
    for knob, listed in zip(knobs, per_knob, strict=True):
        values = tuple(plain(v) for v in listed) if _is_listed(listed) else ()
        if not values or not all(is_number(v) for v in values):
            problems.append(
                Problem(
                    f"doses of {knob} must be a list of finite numbers, got {listed!r}. Write for instance "
                    f"doses={list(GRIDS[split_knob(knob)[0]][3:6])}.",
                    "plan-doses",
                )
            )
            continue
        if len(set(values)) < 2:
            problems.append(
                Problem(
                    f"doses of {knob}: a curve needs at least two different doses, got {list(values)!r}. "
                    "Leave doses out for the usual ones.",
                    "plan-doses",
                )
            )
        found.append(tuple(sorted(set(values))))
    PlanError.raise_all(problems)
    return tuple(found)


def _is_listed(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes | Mapping)
