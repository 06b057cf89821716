"""An entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hunch.plan import Arm, Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunch:
    """A statement that people repeat, where it comes from, and the plan that tests it.

    Args:
        name: How it is called on the command line.
        statement: The statement, in one sentence.
        source: Who says so, and where.
        holds: Where the literature lets one expect it to hold.
        fails: Where not.
        widths: Inputs, hidden widths and outputs of the network it is tested on by default.
        activation: Activation of that network.
        arms: What is compared.
        claims: What is decided.
        base: What all arms have where they name nothing.
        metric: `"train"` or `"held_out"`: the cost that targets are about.
        seeds: Number of confirm seeds. None: as many as the verdict needs, up to `compare`'s `max_seeds`.
        budget: Most iterations of a run. None: found by the pilot.
        mechanism: The readings to look at when asking why.
    """

    name: str
    statement: str
    source: str
    holds: str
    fails: str
    widths: tuple[int, ...]
    activation: str
    arms: tuple[Arm, ...]
    claims: tuple[Claim, ...]
    base: Arm | None = None
    metric: str = "train"
    seeds: int | None = None
    budget: int | None = None
    mechanism: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        """The network it is tested on by default, in one line."""
        return f"{' → '.join(map(str, self.widths))}, {self.activation}"

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values for `hunch list --json`."""
        return {
            "name": self.name,
            "statement": self.statement,
            "source": self.source,
            "holds": self.holds,
            "fails": self.fails,
            "network": {"widths": list(self.widths), "activation": self.activation},
            "data": "digits",
            "arms": [arm.to_json() for arm in self.arms],
            "claims": [{"text": claim.text, **claim.to_json()} for claim in self.claims],
            "base": self.base.to_json() if self.base else None,
            "metric": self.metric,
            "seeds": self.seeds,
            "budget": self.budget,
            "mechanism": list(self.mechanism),
        }
