"""Plans of dose-response curves and tables of their runs, made to measure."""

import itertools

import numpy as np

from hunch.evidence import dose_claim, read_curve, tuning_keys
from hunch.plan import Curve, Doses, Spare, dose_name
from hunch.traces import RunTable

RATES = (0.1, 0.3, 1.0)
WILD = 0.001  # what a run costs on which nothing may rest


def curve_of(*values, knobs=("l2",), low=(), high=(), default=None):
    """A curve of one knob; `low` and `high` are the doses beyond its ends."""
    points = sorted({*values, *low, *high})
    names = {v: dose_name(knobs, (v,)) for v in points}
    spares = tuple(
        Spare(0, side, tuple(names[v] for v in more)) for side, more in (("low", low), ("high", high)) if more
    )
    return Curve(
        knobs, tuple(names.values()), tuple((v,) for v in points), spares, None if default is None else names[default]
    )  # fmt: skip


class Asked:
    """The plan of a curve, and tables of it."""

    def __init__(
        self, made, curve, outcome="held_out_cost", n=8, fresh=6, tuning="once", arms=None, **changes
    ):
        self.made, self.curve = made, curve
        arms = arms or curve.arms
        self.grids = tuple((arm, RATES) for arm in arms) if tuning == "replicated" else ()
        self.plan = made.plan(
            dose_claim(outcome, curve.arms), arms=arms, n=n + fresh, tuning=tuning, grids=self.grids,
            doses=Doses(outcome, (curve,), n), **changes,
        )  # fmt: skip
        # Another rate is best for every arm and block, so that a block that is taken for another shows.
        self.rates = np.random.default_rng(5).integers(len(RATES), size=(len(arms), n + fresh))

    def rate(self, arm, block):
        if self.plan.tuning != "replicated":
            return self.plan.rate(arm)
        return RATES[self.rates[self.plan.arm_index(arm), block]]

    def blocks(self, values, start=0, what="held_cost", diverged=(), decoys=True):
        """Runs of blocks from `start` on: arm → one value a block. With replicated tuning also those that tune, and
        at the rates that lost, `decoys`: confirm runs that would spoil everything."""
        out = []
        for arm, of_arm in values.items():
            for k, value in enumerate(of_arm):
                block = start + k
                seed, best = self.plan.seeds[block], self.rate(arm, block)
                for key in tuning_keys(self.plan, self.plan.claims[0], arm, block):
                    cost = {"held_cost": 0.5 if key.lr == best else 1.0 + key.lr}
                    out.append(self.made.trace(arm, key.seed, stage=key.stage, lr=key.lr, **cost))
                    if decoys and key.lr != best:
                        out.append(self.made.trace(arm, seed, lr=key.lr, held_cost=WILD, held_error=WILD))
                where = 3 if (arm, block) in diverged else None
                out.append(self.made.trace(arm, seed, lr=best, **{what: value}, diverged_at=where))
        return out

    def read(self, *runs, facts=None):
        return read_curve(self.plan, self.table(*runs, facts=facts), self.curve)

    def table(self, *runs, facts=None):
        return RunTable(facts or self.made.facts(), [t for part in runs for t in part])


def noisy(means, n, seed=3, spread=0.02):
    """Arm → values: a mean, what a seed adds to all, and luck."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    return {arm: mean + 0.1 * shared + spread * rng.normal(size=n) for arm, mean in means.items()}


def grid(made, means, low=(), high=(), default=None, **settings):
    """keep_prob {0.5, 0.8, 1} × l2 {0, 0.1}, with doses beyond: pairs (knob, dose)."""
    base = list(itertools.product((0.5, 0.8, 1.0), (0.0, 0.1)))
    axes = [(0.5, 0.8, 1.0), (0.0, 0.1)]
    spares, points = [], list(base)
    for side, more in (("low", low), ("high", high)):
        for knob, value in more:
            other = [(value,) if k == knob else axis for k, axis in enumerate(axes)]
            spares.append((knob, side, list(itertools.product(*other))))
            points += spares[-1][2]
    knobs = ("keep_prob", "l2")
    points = sorted(points)
    names = {p: dose_name(knobs, p) for p in points}
    curve = Curve(
        knobs, tuple(names[p] for p in points), tuple(points),
        tuple(Spare(k, side, tuple(names[p] for p in more)) for k, side, more in spares),
        None if default is None else names[default],
    )  # fmt: skip
    asked = Asked(made, curve, **settings)
    return asked, noisy({names[p]: means(*p) for p in points}, 8)
