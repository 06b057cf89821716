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
from hunch.plan.arms import Arm, plain
from hunch.plan.checks import plan_problems
from hunch.plan.claims import Claim
from hunch.plan.doses import Doses
from hunch.plan.pools import tune_seed
from hunch.plan.search import SearchPlan


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and what to decide. Frozen; JSON in and out; hashed.

    The first group of fields is what the user asked. The second (`budget`, `target`, `rates`, `grids`,
    `margins`) may be None in the plan as asked; the pilot fills it in, and `frozen` is then True. Arms are
    complete: base arm and training defaults are already in them.

    The unit is the block: one confirm seed, shared by the arms. With `tuning="replicated"` every arm is first
    tuned for that block, on a run seed of its own (`tune_seed`).

    Args:
        arms: The arms, each resolved.
        claims: What is to be decided. May be empty: then the study only measures.
        cost: `cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `huber`, or `own:NAME:HASH` for a function
            of the user's own, of which the plan knows no more than its name and the hash of its source.
        seeds: Run seeds of the confirm stage, one a block: as many as may be bought.
        seed: The study seed; another seed is another, disjoint study.
        pilot_seeds: Run seeds of the pilot.
        metric: `"train"` or `"held_out"`: the cost that targets and cost claims are about.
        alpha: Share of wrong verdicts allowed, over all claims of the study together.
        tuning: `"replicated"` (anew for every arm and block), `"once"` (rates from the pilot), `"shared"` (one
            rate for all arms, from the pilot) or `"none"` (rates as given).
        paired: Whether arms share seeds' initial weights, batch order and dropout draws.
        looks: Numbers of blocks after which claims are decided, the last one all of them. Empty: only then.
        sequence: `"planned"` (boundaries calibrated for exactly these looks) or `"anytime"` (a confidence
            sequence, for Gaussian differences, which would hold at any other looks too).
        robust: Whether verdicts come from bets on the bounded outcome, whatever the differences' shape.
        stop_at_target: Whether a run ends once it has reached the target; what comes later is not measured
            then.
        asked_budget: The budget that the user gave; None: found by the pilot.
        asked_target: The target cost that the user gave; None: found by the pilot.
        data_hash: Hash of the data.
        network_hash: Hash of the network's structure and its initial weights at one seed.
        budget: Most iterations a run may take.
        target: The cost to reach; None if no claim needs one or no arm learned.
        rates: Pairs (arm, learning rate): the pilot's. Confirm runs of an arm that is tuned anew for every
            block have rates of their own.
        grids: Pairs (arm, learning rates) of the arms that are tuned anew for every block: what is tried.
        margins: One margin per claim: log ratio for iterations, else in the outcome's unit.
        notes: What the pilot has to say (an arm that has not learned, a rate at the edge of its grid), as
            sentences.
        doses: What is asked of dose-response curves; None where claims are asked. The one claim of such a plan
            names all doses, so that they share outcome, tuning and margin; it is no verdict's.
        search: A search for the settings of the second arm, which the frozen plan then has; None where all arms are
            given.

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
    looks: tuple[int, ...] = ()
    sequence: str = "planned"
    robust: bool = False
    stop_at_target: bool = False
    asked_budget: int | None = None
    asked_target: float | None = None
    data_hash: str = ""
    network_hash: str = ""
    budget: int | None = None
    target: float | None = None
    rates: tuple[tuple[str, float], ...] = ()
    grids: tuple[tuple[str, tuple[float, ...]], ...] = ()
    margins: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    doses: Doses | None = None
    search: SearchPlan | None = None

    def __post_init__(self) -> None:
        """Refuse what does not fit together, all problems at once."""
        for name in ("arms", "claims", "seeds", "pilot_seeds", "looks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        PlanError.raise_all(self.validate())
        # 1 and 1.0, and NumPy's numbers, are one value: they must give one hash.
        for name in ("alpha", "asked_target", "target", "rates", "grids", "margins"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        for name in ("seeds", "pilot_seeds", "looks", "asked_budget", "budget"):
            object.__setattr__(self, name, plain(getattr(self, name), whole=True))

    def validate(self) -> list[Problem]:
        """Every problem of the plan."""
        return list(plan_problems(self))

    @property
    def is_frozen(self) -> bool:
        """Whether budget, rates and margins are fixed, so that confirm runs may start."""
        return (
            self.budget is not None
            and len(self.rates) == len(self.arms)
            and len(self.margins) == len(self.claims)
            and all(self.grid(arm.name) for arm in self.arms if self.is_tuned_per_block(arm.name))
        )

    @property
    def look_counts(self) -> tuple[int, ...]:
        """Numbers of blocks after which claims are decided: `looks`, or all blocks at once."""
        return self.looks or (len(self.seeds),)

    @property
    def is_sequential(self) -> bool:
        """Whether the study may end before its last seed."""
        return len(self.looks) > 1

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
        """The learning rate that the pilot found (or the user gave) for an arm; None before the pilot."""
        return dict(self.rates).get(name)

    def grid(self, name: str) -> tuple[float, ...]:
        """The rates that are tried for an arm in every block; empty where it is not tuned so."""
        return dict(self.grids).get(name, ())

    def is_tuned_per_block(self, name: str) -> bool:
        """Whether an arm has own tuning runs in every block."""
        return self.tuning == "replicated" and self.arm(name).lr is None

    def tune_seed(self, name: str, block: int) -> int:
        """The run seed on which an arm is tuned in a block, counted from 0; no other run has it."""
        return tune_seed(self.seed, len(self.arms), self.arm_index(name), block)

    def freeze(
        self,
        *,
        budget: int,
        target: float | None,
        rates: Mapping[str, float],
        margins: Iterable[float],
        grids: Mapping[str, Iterable[float]] | None = None,
        notes: Iterable[str] = (),
    ) -> Self:
        """The plan with what the pilot found written into it."""
        return replace(
            self,
            budget=budget,
            target=target,
            rates=tuple((a.name, float(rates[a.name])) for a in self.arms),
            grids=tuple((arm, tuple(float(r) for r in rates)) for arm, rates in (grids or {}).items()),
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
            grids=(),
            margins=(),
            notes=(),
            **self._before_search(),
        )

    def _before_search(self) -> dict[str, Any]:
        """Until it is found, what is searched for is as the default arm."""
        if self.search is None:
            return {}
        default, found = self.arms
        return {"arms": (default, replace(default, name=found.name)), "search": self.search.asked()}

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
            if f.name in ("doses", "search"):
                if value is None:
                    continue  # plans of earlier versions had no such field, and keep their hash
                value = value.to_json()
            elif f.name in ("arms", "claims"):
                value = [item.to_json() for item in value]
            elif f.name == "rates":
                value = [list(pair) for pair in value]
            elif f.name == "grids":
                value = [[arm, list(rates)] for arm, rates in value]
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
        values["grids"] = tuple((a, tuple(rates)) for a, rates in data.get("grids", ()))
        for name in ("seeds", "pilot_seeds", "looks", "margins", "notes"):
            values[name] = tuple(data.get(name, ()))
        values["doses"] = Doses.from_json(data["doses"]) if data.get("doses") else None
        values["search"] = SearchPlan.from_json(data["search"]) if data.get("search") else None
        return cls(**values)
