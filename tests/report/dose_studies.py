"""Dose-response studies made to measure: the outcome of every dose is a mean, a part that the seed shares, and luck."""

import itertools
import math
from dataclasses import replace

import numpy as np

from hunch.evidence import dose_claim, read_curve
from hunch.plan import Curve, Doses, Spare, dose_name
from hunch.traces import RunTable

BASE_RATE = 0.3


class DoseStudies:
    """Makes plan, table, answer and provenance of a curve, from the makers of `conftest.Studies`."""

    def __init__(self, studies):
        self.studies = studies

    def made(
        self, knobs, values, means, *, outcome="held_out_cost", n=10, fresh=0, default=None, spread=0.01, diverged=(),
        spares=(), only=None, margin=0.05, facts=None, budget=400, seed=1, **changes,
    ):  # fmt: skip
        """A study of the doses `values` (numbers, or pairs) with these mean outcomes.

        `diverged` are pairs (value, seed); `spares` triples (knob, side, values); `only` so many seeds have run.
        """
        points = [v if isinstance(v, tuple) else (v,) for v in values]
        names = {p: dose_name(knobs, p) for p in points}
        curve = Curve(
            tuple(knobs), tuple(names.values()), tuple(points),
            tuple(Spare(k, side, tuple(names[p] for p in more)) for k, side, more in spares),
            None if default is None else names[default if isinstance(default, tuple) else (default,)],
        )  # fmt: skip
        is_ratio = outcome == "iterations"
        claim = dose_claim(outcome, curve.arms).with_margin(margin)
        plan = self.studies.plan(
            arms=curve.arms, n=n + fresh, budget=budget, target=0.25 if is_ratio else None,
            claims=(claim,), margins=(math.log(margin) if is_ratio else margin,),
            doses=Doses(outcome, (curve,), n), rates=tuple((a, BASE_RATE) for a in curve.arms), tuning="shared",
            **changes,
        )  # fmt: skip
        facts = facts or self.studies.shallow()
        rng = np.random.default_rng(seed)
        shared = rng.standard_normal(n + fresh)
        traces = []
        for point, mean in zip(points, means, strict=True):
            luck = rng.standard_normal(n + fresh)
            for block in range(n + fresh if only is None else only):
                wave = 2 * spread * shared[block] + spread * luck[block]
                value = mean * math.exp(wave) if is_ratio else mean + wave
                where = budget // 5 if (point[0], block) in diverged else None
                traces.append(self._trace(plan, names[point], block, value, outcome, facts, where))
        table = RunTable(facts, traces)
        return plan, table, read_curve(plan, table, curve), self.studies.provenance()

    def _trace(self, plan, arm, block, value, outcome, facts, diverged_at):
        trace = self.studies.trace(
            arm, plan.seeds[block], plan.budget, facts, lr=plan.rate(arm), diverged_at=diverged_at
        )
        if diverged_at is not None:
            return trace
        if outcome == "iterations":  # falls through the target at exactly `value`
            return replace(
                trace, cost=facts.c0_train * np.exp(-trace.eval_at * math.log(facts.c0_train / 0.25) / value)
            )
        field = {"held_out_cost": "held_cost", "held_out_error": "held_error"}[outcome]
        return replace(trace, **{field: np.full_like(getattr(trace, field), value)})

    def keep(self, **changes):
        """Seven keep probabilities: 0.8 and 0.9 near the best, the default 1 not good enough, 0.3 unstable."""
        values = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
        means = (0.9, 0.62, 0.5, 0.42, 0.3, 0.31, 0.45)
        given = {"default": 1.0, "diverged": {(0.3, block) for block in range(4)}, "fresh": 8} | changes
        return self.made(("keep_prob",), values, means, **given)

    def l2(self, **changes):
        """Six doses of L2 with 0, doses beyond the upper end that were not wanted, dose 0 the default."""
        values = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
        means = (0.31, 0.3, 0.3, 0.36, 0.5, 0.9)
        given = {"default": 0.0, "spares": [(0, "high", [(1.0,)])]} | changes
        return self.made(("l2",), values, means, **given)

    def rates(self, **changes):
        """Five learning rates against iterations, over two decades of them."""
        given = {"outcome": "iterations", "default": 0.03, "margin": 1.2, "spread": 0.03} | changes
        return self.made(("lr",), (0.01, 0.03, 0.1, 0.3, 1.0), (350.0, 200.0, 60.0, 9.0, 9.4), **given)

    def grid(self, **changes):
        """Keep probability by L2: 4 × 3 doses, errors, the best in the middle; the default loses."""
        values = list(itertools.product((0.5, 0.7, 0.9, 1.0), (0.0, 0.001, 0.1)))
        means = [0.1 + 0.25 * abs(keep - 0.9) + 3 * abs(l2 - 0.001) for keep, l2 in values]
        given = {
            "outcome": "held_out_error",
            "default": (0.5, 0.0),
            "spread": 0.002,
            "margin": 0.02,
            "fresh": 6,
        }
        return self.made(("keep_prob", "l2"), values, means, **(given | changes))
