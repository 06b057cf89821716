"""Which confirm runs can answer a claim that was not declared: those that were bought for the declared ones.

An arm that was tuned anew for every block has confirm runs for each outcome that a declared claim about it is
about, and no others. Taking the runs at which a rate for another outcome happens to agree would be taking a
chosen few, so an explored claim borrows the runs of one declared outcome, whole, and says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hunch.evidence.tuning import confirm_runs
from hunch.evidence.verdict import Verdict
from hunch.plan import Claim, Plan, tuning_goal
from hunch.traces import RunTable, Trace

FEW = 5
"""Pairs: with fewer, runs that were tuned for something else are taken instead, if there are more of them."""


@dataclass(frozen=True, eq=False)
class Borrowed:
    """The confirm runs of one arm.

    Args:
        runs: Seed → run.
        goal: What the arm was tuned for: `iterations`, `cost`, `held_out_cost` or `held_out_error`; None
            where its rate was given.
    """

    runs: dict[int, Trace]
    goal: str | None


def borrow(
    plan: Plan, table: RunTable, declared: Sequence[Verdict], claim: Claim
) -> tuple[dict[str, Borrowed], tuple[int, ...]]:
    """(arm → its runs, the seeds that all arms of the claim have), for a claim that need not be declared.

    All arms are taken as tuned for one outcome, the claim's own where there are such runs; only where none of
    these gives five pairs, each as it was tuned.

    Args:
        plan: The plan, frozen.
        table: The runs.
        declared: The verdicts of the plan's own claims: for how many blocks runs were bought.
        claim: What is asked; its arms are arms of the plan.
    """
    own = goal_of(claim, plan)
    per_arm = {arm: _offers(plan, table, declared, arm) for arm in claim.arms}
    wanted = list(dict.fromkeys([own, *(found.goal for offers in per_arm.values() for found in offers)]))
    ways = [{arm: _nearest(offers, goal, own) for arm, offers in per_arm.items()} for goal in wanted]
    # Arms that were tuned alike are compared rather than each at its own best; among equals the own outcome.
    best = max(ways, key=lambda way: (min(len(_shared(plan, way)), FEW), _is_alike(way)))
    return best, _shared(plan, best)


def _offers(plan: Plan, table: RunTable, declared: Sequence[Verdict], arm: str) -> list[Borrowed]:
    """The confirm runs of an arm, one set for each outcome that it was tuned for."""
    if not plan.is_tuned_per_block(arm):
        return [Borrowed(table.confirm(plan, arm), _goal_of_pilot(plan, arm))]
    # An arm that no claim names came along with the first claim, in every block.
    about = [v for v in declared if arm in v.claim.arms] or [None]
    blocks: dict[str, int] = {}
    by_goal: dict[str, Claim] = {}
    for verdict in about:
        claim = plan.claims[0] if verdict is None else verdict.claim
        goal = goal_of(claim, plan)
        # A claim that is over buys no more; runs beyond its last look are there by chance, if at all.
        is_over = verdict is not None and verdict.is_final and bool(verdict.looks)
        n = verdict.looks[-1] if verdict is not None and is_over else len(plan.seeds)
        blocks[goal] = max(n, blocks.get(goal, 0))
        by_goal.setdefault(goal, claim)
    return [
        Borrowed(
            {
                s: t
                for s, t in confirm_runs(plan, table, arm, claim).items()
                if s in plan.seeds[: blocks[goal]]
            },
            goal,
        )
        for goal, claim in by_goal.items()
    ]


def goal_of(claim: Claim, plan: Plan) -> str:
    """What an arm is tuned for, for a claim. Within a study this alone says in which stage, too."""
    return tuning_goal(claim, plan.metric)[1]


def _goal_of_pilot(plan: Plan, arm: str) -> str | None:
    """What the rate of an arm was chosen for where it was tuned once; None where it was given."""
    if plan.arm(arm).lr is not None:
        return None
    goal = goal_of(plan.claims[0], plan) if plan.claims else "cost"
    return "cost" if goal == "iterations" and plan.target is None else goal


def _nearest(offers: Sequence[Borrowed], goal: str | None, own: str) -> Borrowed:
    """The runs for this goal, else for the claim's own, else the first."""
    by_goal = {found.goal: found for found in offers}
    return by_goal.get(goal) or by_goal.get(own) or offers[0]


def _is_alike(way: dict[str, Borrowed]) -> bool:
    """Whether all arms were tuned for one outcome (or had their rates given)."""
    return len({found.goal for found in way.values()} - {None}) < 2


def _shared(plan: Plan, way: dict[str, Borrowed]) -> tuple[int, ...]:
    return tuple(s for s in plan.seeds if all(s in found.runs for found in way.values()))
