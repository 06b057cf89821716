"""An entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hunch.plan import Arm, Claim

PREDICTIONS = ("supported", "refuted", "not supported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Circumstances in which a hunch is tested, with a verdict of their own.

    Args:
        name: What they are called, for instance `"12 units"`.
        widths: Inputs, hidden widths and outputs of the network. On other data than the embedded ones the first and
            the last are those that the data ask for.
        activation: Activation of that network.
        base: What all arms have where they name nothing. None: the hunch's.
        arms: What is compared. None: the hunch's arms.
        claims: What is decided. None: the hunch's claims.
        tuning: Of learning rates, as for `compare`. None: the hunch's.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    base: Arm | None = None
    arms: tuple[Arm, ...] | None = None
    claims: tuple[Claim, ...] | None = None
    tuning: str | None = None

    @property
    def network(self) -> str:
        """The network in one line.

        Example:
            >>> Regime(name="narrow", widths=(64, 12, 10), activation="relu").network
            '64 → 12 → 10, relu'
        """
        return f"{' → '.join(map(str, self.widths))}, {self.activation}"

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values; None for what is the hunch's."""
        return {
            "name": self.name,
            "network": {"widths": list(self.widths), "activation": self.activation},
            "base": None if self.base is None else self.base.to_json(),
            "arms": None if self.arms is None else [arm.to_json() for arm in self.arms],
            "claims": None if self.claims is None else [_told(claim) for claim in self.claims],
            "tuning": self.tuning,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finer:
    """A statement that one knob is tuned more finely than another: `hunch.tunability` tests it, instead of claims.

    Args:
        knob: The knob that is said to be the finer one.
        than: The other.
        outcome: What both are judged by: `"cost"` or `"error"` (held out, at the end), or `"iterations"`.
        doses: Doses of `than` and of `knob`, in this order. None: the usual ones.
    """

    knob: str
    than: str
    outcome: str = "cost"
    doses: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def text(self) -> str:
        """The statement in words.

        Example:
            >>> Finer(knob="l2", than="keep_prob").text
            'l2 tunes finer than keep_prob'
        """
        return f"{self.knob} tunes finer than {self.than}"

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values."""
        return {
            "text": self.text,
            "knob": self.knob,
            "than": self.than,
            "outcome": self.outcome,
            "doses": None if self.doses is None else [list(doses) for doses in self.doses],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """A plan for a first answer within seconds: fewer seeds, and where wanted fewer iterations or regimes.

    What it leaves as it is, is the full plan's. Fewer seeds make more verdicts undecided; they make none wrong more
    often than alpha.

    Args:
        seeds: Number of confirm seeds.
        budget: Most iterations of a run. None: as in the full plan.
        regimes: Names of the regimes that are tested. None: all of them.
        tuning: Of learning rates, as for `compare`, in regimes that name none of their own. None: as in the full plan.
    """

    seeds: int = 8
    budget: int | None = None
    regimes: tuple[str, ...] | None = None
    tuning: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values; None for what is the full plan's."""
        return {
            "seeds": self.seeds,
            "budget": self.budget,
            "regimes": None if self.regimes is None else list(self.regimes),
            "tuning": self.tuning,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunch:
    """A statement that people repeat, where it comes from, and the plan that tests it.

    Args:
        name: How it is called on the command line.
        statement: The statement, in one sentence.
        source: Who says so, and where.
        holds: Where the literature lets one expect it to hold.
        fails: Where not.
        widths: Inputs, hidden widths and outputs of the network it is tested on by default; empty where there are
            regimes.
        activation: Activation of that network.
        arms: What is compared; with regimes, in those that name no arms of their own, and on the user's own network.
        claims: What is decided; with regimes likewise.
        base: What all arms have where they name nothing.
        metric: `"train"` or `"held_out"`: the cost that targets are about.
        seeds: Number of confirm seeds. None: as many as the verdict needs, up to `compare`'s `max_seeds`.
        budget: Most iterations of a run. None: found by the pilot.
        tuning: Of learning rates, as for `compare`.
        mechanism: The readings to look at when asking why.
        regimes: The circumstances in which it is tested. Empty: one, given by the fields above.
        across: Claims between arms of different regimes, which are named "REGIME: ARM".
        predicts: The verdict that the statement predicts of all claims: `"refuted"` where a claim says that arms
            do the same and the statement that they do not; `"not supported"`, which is refuted or no meaningful
            difference, where it says that something does not help.
        finer: What it states of two knobs; `hunch.tunability` tests that on the network of every regime, and there
            are no claims.
        quick: The quick plan. None: `Quick()`, the full plan with eight seeds.
        seed: The study seed: another than 0 where the plan was changed after a result had been seen.
    """

    name: str
    statement: str
    source: str
    holds: str
    fails: str
    widths: tuple[int, ...] = ()
    activation: str = ""
    arms: tuple[Arm, ...] = ()
    claims: tuple[Claim, ...] = ()
    base: Arm | None = None
    metric: str = "train"
    seeds: int | None = None
    budget: int | None = None
    tuning: str = "auto"
    mechanism: tuple[str, ...] = ()
    regimes: tuple[Regime, ...] = ()
    across: tuple[Claim, ...] = ()
    predicts: str = "supported"
    finer: Finer | None = None
    quick: Quick | None = None
    seed: int = 0

    @property
    def network(self) -> str:
        """The network it is tested on by default, in one line; with regimes those of all of them."""
        return "; ".join(dict.fromkeys(regime.network for regime in self.tested_in))

    @property
    def tested_in(self) -> tuple[Regime, ...]:
        """The regimes with everything filled in that is the hunch's; one without a name where it has none."""
        regimes = self.regimes or (Regime(name="", widths=self.widths, activation=self.activation),)
        return tuple(self.filled(regime) for regime in regimes)

    def filled(self, regime: Regime) -> Regime:
        """A regime with base, arms, claims and tuning of the hunch where it names none."""
        return replace(
            regime,
            base=self.base if regime.base is None else regime.base,
            arms=self.arms if regime.arms is None else regime.arms,
            claims=self.claims if regime.claims is None else regime.claims,
            tuning=self.tuning if regime.tuning is None else regime.tuning,
        )

    def quickly(self) -> Hunch:
        """The hunch with its quick plan in place of the full one, and the claims across regimes that are left.

        Example:
            >>> from hunch.catalogue import find
            >>> find("dropout-needs-width").quickly().seeds < find("dropout-needs-width").seeds
            True
        """
        quick = self.quick or Quick()
        regimes = tuple(r for r in self.regimes if quick.regimes is None or r.name in quick.regimes)
        there = tuple(f"{regime.name}: " for regime in regimes)
        return replace(
            self,
            seeds=quick.seeds,
            budget=self.budget if quick.budget is None else quick.budget,
            tuning=self.tuning if quick.tuning is None else quick.tuning,
            regimes=regimes,
            across=tuple(c for c in self.across if all(arm.startswith(there) for arm in c.arms)),
        )

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values for `hunch list --json`."""
        return {
            "name": self.name,
            "statement": self.statement,
            "source": self.source,
            "holds": self.holds,
            "fails": self.fails,
            "network": {"widths": list(self.widths), "activation": self.activation} if self.widths else None,
            "data": "digits",
            "arms": [arm.to_json() for arm in self.arms],
            "claims": [_told(claim) for claim in self.claims],
            "base": self.base.to_json() if self.base else None,
            "metric": self.metric,
            "seeds": self.seeds,
            "budget": self.budget,
            "tuning": self.tuning,
            "mechanism": list(self.mechanism),
            "regimes": [regime.to_json() for regime in self.regimes],
            "across": [_told(claim) for claim in self.across],
            "predicts": self.predicts,
            "finer": None if self.finer is None else self.finer.to_json(),
            "quick": (self.quick or Quick()).to_json(),
            "seed": self.seed,
        }


def _told(claim: Claim) -> dict[str, Any]:
    return {"text": claim.text, **claim.to_json()}
