# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""The plan of a study: what is asked, and what the pilot froze before the first confirm run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from hunch.errors import PlanError, Problem
from hunch.plan.arms import Arm, is_number, is_whole, plain
from hunch.plan.claims import Claim

CONFIRM, TUNE, PILOT, TRAIN = "confirm", "tune", "pilot", "train"
POOLS = {CONFIRM: 0, TUNE: 400_000, PILOT: 800_000}
SEEDS_PER_STUDY = 1_000_000
TUNINGS = ("replicated", "once", "none")
METRICS = ("train", "held_out")
COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
UNPAIRED_STRIDE = 10_000


def run_seeds(study_seed: int, stage: str, n: int) -> tuple[int, ...]:
    """The run seeds of one stage: study seed · 1,000,000 + pool + i.

    The pools (confirm 0, tune 400,000, pilot 800,000) never overlap, so that no run that chose a rate or a
    target is used again by a verdict.

    Example:
        >>> run_seeds(0, "pilot", 2)
        (800000, 800001)
    """
    start = study_seed * SEEDS_PER_STUDY + POOLS[stage]
    return tuple(range(start, start + n))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and what to decide. Frozen; JSON in and out; hashed.

    The first group of fields is what the user asked. The second (`budget`, `target`, `rates`, `margins`) may be
    None in the plan as asked; the pilot fills it in, and `frozen` is then True. Arms are complete: base arm
    and training defaults are already in them.

    Args:
        arms: The arms, each resolved.
        claims: What is to be decided. May be empty: then the study only measures.
        cost: `cross_entropy`, `binary_cross_entropy`, `mean_squared_error` or `huber`.
        seeds: Run seeds of the confirm stage.
        seed: The study seed; another seed is another, disjoint study.
        pilot_seeds: Run seeds of the pilot.
        metric: `"train"` or `"held_out"`: the cost that targets and cost claims are about.
        alpha: Share of wrong verdicts allowed, over all claims of the study together.
        tuning: `"once"` (rates from the pilot) or `"none"` (rates as given); `"replicated"` is not built yet.
        paired: Whether arms share seeds' initial weights, batch order and dropout draws.
        asked_budget: The budget that the user gave; None: found by the pilot.
        asked_target: The target cost that the user gave; None: found by the pilot.
        data_hash: Hash of the data.
        network_hash: Hash of the network's structure and its initial weights at one seed.
        budget: Most iterations a run may take.
        target: The cost to reach; None if no claim needs one or no arm learned.
        rates: Pairs (arm, learning rate).
        margins: One margin per claim: log ratio for iterations, else in the outcome's unit.
        notes: What the pilot has to say (an arm that has not learned, a rate at the edge of its grid), as
            sentences.

    Raises:
        PlanError: If the parts do not fit together; lists every problem.
    """

    arms: tuple[Arm, ...]
    claims: tuple[Claim, ...]
    cost: str
    seeds: tuple[int, ...]
    seed: int = 0
    pilot_seeds: tuple[int, ...] = ()
    metric: str = "train"
    alpha: float = 0.05
    tuning: str = "once"
    paired: bool = True
    asked_budget: int | None = None
    asked_target: float | None = None
    data_hash: str = ""
    network_hash: str = ""
    budget: int | None = None
    target: float | None = None
    rates: tuple[tuple[str, float], ...] = ()
    margins: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what does not fit together, all problems at once."""
        for name in ("arms", "claims", "seeds", "pilot_seeds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        PlanError.raise_all(self.validate())
        # 1 and 1.0, and NumPy's numbers, are one value: they must give one hash.
        for name in ("alpha", "asked_target", "target", "rates", "margins"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        for name in ("seeds", "pilot_seeds", "asked_budget", "budget"):
            object.__setattr__(self, name, plain(getattr(self, name), whole=True))

    def validate(self) -> list[Problem]:
        """Every problem of the plan."""
        return list(_problems(self))

    @property
    def is_frozen(self) -> bool:
        """Whether budget, rates and margins are fixed, so that confirm runs may start."""
        return (
            self.budget is not None
            and len(self.rates) == len(self.arms)
            and len(self.margins) == len(self.claims)
        )

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            PlanError: If there is none.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise PlanError(
            f"there is no arm {name!r}. The arms are {', '.join(a.name for a in self.arms)}.",
            "plan-unknown-arm",
        )

    def arm_index(self, name: str) -> int:
        """Position of the arm in `arms`."""
        return self.arms.index(self.arm(name))

    def rate(self, name: str) -> float | None:
        """The frozen learning rate of an arm; None before the pilot."""
        return dict(self.rates).get(name)

    def freeze(
        self,
        *,
        budget: int,
        target: float | None,
        rates: Mapping[str, float],
        margins: Iterable[float],
        notes: Iterable[str] = (),
    ) -> Self:
        """The plan with what the pilot found written into it."""
        return replace(
            self,
            budget=budget,
            target=target,
            rates=tuple((a.name, float(rates[a.name])) for a in self.arms),
            margins=tuple(float(m) for m in margins),
            notes=tuple(notes),
        )

    def asked(self) -> Self:
        """The plan as the user asked it, before the pilot."""
        return replace(
            self,
            budget=self.asked_budget,
            target=self.asked_target,
            rates=(),
            margins=(),
            notes=(),
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON, as hex."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def to_text(self) -> str:
        """Canonical JSON: sorted keys, no spaces, shortest round-trip numbers."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def to_json(self) -> dict[str, Any]:
        """A dict from which `from_json` makes an equal plan."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in ("arms", "claims"):
                value = [item.to_json() for item in value]
            elif f.name == "rates":
                value = [list(pair) for pair in value]
            elif isinstance(value, tuple):
                value = list(value)
            out[f.name] = value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            PlanError: If a field is unknown or the parts do not fit together.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise PlanError(
                f"this plan has fields that this version does not know: {', '.join(unknown)}. "
                "It was made by another version of hunch-lab; install that one.",
                "plan-unknown-field",
            )
        values: dict[str, Any] = dict(data)
        values["arms"] = tuple(Arm.from_json(a) for a in data["arms"])
        values["claims"] = tuple(Claim.from_json(c) for c in data["claims"])
        values["rates"] = tuple((a, r) for a, r in data.get("rates", ()))
        for name in ("seeds", "pilot_seeds", "margins", "notes"):
            values[name] = tuple(data.get(name, ()))
        return cls(**values)


def _problems(plan: Plan):
    names = [arm.name for arm in plan.arms]
    if not names:
        yield Problem(
            "a study needs at least one arm, got none. Write arms=[hunch.Arm('none'), …].", "plan-no-arms"
        )
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield Problem(
            f'two arms are called "{name}"; names must differ, because claims and tables go by them. '
            "Rename one.",
            "plan-arm-twice",
        )
    for claim in plan.claims:
        for arm in claim.arms:
            if arm not in names:
                yield Problem(
                    f'claim "{claim.text}": there is no arm "{arm}". The arms are {", ".join(names)}.',
                    "plan-unknown-arm",
                )
    for field, value, choices in (
        ("cost", plan.cost, COSTS),
        ("metric", plan.metric, METRICS),
        ("tuning", plan.tuning, TUNINGS),
    ):
        if value not in choices:
            yield Problem(f"{field} must be one of {', '.join(choices)}, got {value!r}.", f"plan-{field}")
    if not is_number(plan.alpha) or not 0 < plan.alpha < 0.5:
        yield Problem(
            f"alpha must be above 0 and below 0.5, got {plan.alpha!r}. The usual is 0.05.", "plan-alpha"
        )
    if len(set(plan.seeds)) != len(plan.seeds):
        twice = sorted({s for s in plan.seeds if plan.seeds.count(s) > 1})
        yield Problem(
            f"seeds must differ, got {', '.join(map(str, twice[:5]))} more than once. A repeated seed is the "
            "same run again, not new evidence.",
            "plan-seeds",
        )
    if any(not is_whole(s) or not 0 <= s < 2**63 for s in plan.seeds):
        yield Problem(
            f"seeds must be whole numbers from 0 to 2^63 - 1, got {list(plan.seeds)[:5]!r}.", "plan-seeds"
        )
    shared = sorted(set(plan.seeds) & set(plan.pilot_seeds))
    if shared:
        yield Problem(
            f"the seeds {', '.join(map(str, shared[:5]))} are pilot seeds of this study; a verdict must not use "
            "runs that chose its target. Choose other seeds, or another seed= for the study.",
            "plan-seeds-pilot",
        )
    for field, value in (("budget", plan.asked_budget), ("budget", plan.budget)):
        if value is not None and (not is_whole(value) or value < 1):
            yield Problem(
                f"{field} must be a whole number of iterations of at least 1, got {value!r}.",
                "plan-budget",
            )
            break
    for value in (plan.asked_target, plan.target):
        if value is not None and not is_number(value):
            yield Problem(f"target must be a finite cost, got {value!r}.", "plan-target")
            break
    if plan.tuning == "none":
        without = [arm.name for arm in plan.arms if arm.lr is None]
        if without:
            yield Problem(
                f'tuning="none" takes the rates as given, but {", ".join(without)} '
                f"{'has' if len(without) == 1 else 'have'} no lr. Write hunch.Arm(…, lr=0.1), or base=hunch.Arm('base', lr=0.1) "
                'for all arms, or tuning="once".',
                "plan-rate-missing",
            )
