"""What can be told of a given target before anything is trained."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hunch.data import Data
from hunch.engine import LoopEngine, OwnCost, Setting
from hunch.errors import PlanError, Problem
from hunch.plan import PILOT, Plan
from hunch.study.execute import arms_of, jobs_of
from hunch.traces import RunKey, metric_curve


def refuse_met_target(
    build: Callable[[], nn.Module], data: Data, plan: Plan, own: OwnCost | None = None
) -> None:
    """Refuse a target that an arm meets before its first update, at every pilot seed.

    Args:
        build: Makes the network.
        data: The data.
        plan: The plan as asked.
        own: The cost, where it is a function of the user's.

    Raises:
        PlanError: Names every such arm.
    """
    named = {arm for claim in plan.claims if claim.outcome == "iterations" for arm in claim.arms}
    target = plan.asked_target
    if target is None or not named:
        return
    # One iteration of the plainest engine: what is judged at iteration 0 is the same in all of them.
    setting = Setting(build, data, own or plan.cost, 1, (), plan.metric, readings=False)
    keys = [
        RunKey(PILOT, arm.name, seed, 1e-12, 1)
        for arm in plan.arms
        if arm.name in named
        for seed in plan.pilot_seeds
    ]
    starts: dict[str, list[float]] = {}
    for result in LoopEngine().train(setting, jobs_of(keys, arms_of(plan), paired=plan.paired)):
        if result.trace.failed is None:
            cost = float(metric_curve(result.trace, plan.metric)[1][0])
            starts.setdefault(result.trace.key.arm, []).append(cost)
    PlanError.raise_all(
        [
            Problem(
                f'target {target:g} is met before training: arm "{arm}" starts at costs from '
                f"{min(costs):.3g} to "
                f"{max(costs):.3g}. Give a target below {min(costs):.3g}, or leave target= out.",
                "plan-target-met",
            )
            for arm, costs in starts.items()
            if costs and all(cost <= target for cost in costs)
        ]
    )
