"""Studies made to measure: every run is given by what its outcome shall be."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hunch.plan import RECORDED, Arm, Plan, evaluation_grid, faster, held_out_grid, reading_grid
from hunch.traces import RunKey, RunTable, SiteFact, StudyFacts, Trace

C0 = math.log(10)
NAN = float("nan")


class Made:
    """Makes plans and tables. `times`, `cost`, … map arm → one value per seed."""

    c0 = C0

    def facts(self, **changes):
        given = {
            "c0_train": C0,
            "c0_held": C0 + 0.1,
            "error0": 0.9,
            "n_train": 1437,
            "n_held": 360,
            "n_slice": 512,
            "n_outputs": 10,
            "n_parameters": 1000,
            "sites": (SiteFact("0", 64, 100, "sigmoid"), SiteFact("2", 100, 10, None)),
            "data_source": "made",
            "data_notes": (),
            "network": "64 → 100 → 10, sigmoid",
            "error_unit": "share",
            "engine": "loop",
            "engine_reason": "",
            "engine_detail": "",
        }
        return StudyFacts(**(given | changes))

    def plan(self, *claims, arms=("a", "b"), n=20, budget=1000, target=0.25, **changes):
        """A frozen plan; margins are log 1.1 for iterations, else 0.05, unless given."""
        claims = claims or (faster("a", than="b"),)
        given = {
            "arms": tuple(Arm(name) for name in arms),
            "claims": claims,
            "cost": "cross_entropy",
            "seeds": tuple(range(n)),
            "pilot_seeds": tuple(range(800_000, 800_005)),
            "budget": budget,
            "target": target,
            "rates": tuple((name, 0.1) for name in arms),
            "margins": tuple((math.log(c.margin or 1.1) if c.is_ratio else c.margin or 0.05) for c in claims),
        }
        return Plan(**(given | changes))

    def curve(self, at, time, target):
        """Falls in a straight line through the target at `time`; from c0 on never if that is not finite."""
        if not math.isfinite(time):
            return np.full(len(at), C0)
        slope = (C0 - target) / (2 * at[-1])
        return np.clip(target + (time - at) * slope, 0.0, C0)

    def trace(
        self, arm, seed, *, stage="confirm", budget=1000, target=0.25, lr=0.1, time=math.inf, cost=None,
        held_cost=1.0, held_error=0.1, reading=0.5, diverged_at=None, failed=None,
    ):  # fmt: skip
        at, held_at, read_at = (
            np.array(grid(budget), dtype=np.int64) for grid in (evaluation_grid, held_out_grid, reading_grid)
        )
        costs = self.curve(at, time, target)
        if cost is not None:
            costs = np.full(len(at), float(cost))
        held = np.full(len(held_at), float(held_cost))
        if diverged_at is not None:
            costs[at >= diverged_at] = NAN
            held[held_at >= diverged_at] = NAN
        n_readings = len(reading) if np.ndim(reading) else len(RECORDED)
        readings = np.full((len(read_at), n_readings, 2), reading, dtype=np.float32)
        readings[:, 0, 1] = NAN  # no saturation at the last layer
        return Trace(
            RunKey(stage, arm, seed, lr, budget), at, costs, held_at, held,
            np.where(np.isnan(held), NAN, held_error), read_at, readings,
            diverged_at=diverged_at, failed=failed,
        )  # fmt: skip

    def table(self, plan, facts=None, extra=(), **by_arm):
        """Confirm runs. Each keyword is a quantity of `trace`: arm → values, one per seed of the plan."""
        traces = [
            self.trace(
                arm.name, seed, budget=plan.budget or 1000, target=plan.target or 0.25,
                **{what: values[arm.name][k] for what, values in by_arm.items() if arm.name in values},
            )
            for arm in plan.arms
            for k, seed in enumerate(plan.seeds)
        ]  # fmt: skip
        return RunTable(facts or self.facts(), [*traces, *extra])

    def times(self, n=20, ratio=2.0, spread=0.2, shared=0.2, base=100.0, seed=1, arms=("a", "b")):
        """Lognormal times: arm b takes `ratio` times as long as arm a; seeds shared."""
        rng = np.random.default_rng(seed)
        block = shared * rng.normal(size=n)
        return {
            arm: base * factor * np.exp(block + spread * rng.normal(size=n))
            for arm, factor in zip(arms, (1.0, ratio), strict=True)
        }


@pytest.fixture(scope="session")
def made():
    return Made()
