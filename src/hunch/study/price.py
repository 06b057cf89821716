"""What a study will cost, in runs and seconds, said before it is spent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hunch.evidence import effect_bounds, number, outcome_values
from hunch.plan import PILOT, Claim, Plan, tuning_goal
from hunch.stats import MANY_SEEDS, betting_price, seeds_for_equivalence
from hunch.study.pilot import RATES, SWEEP_SEEDS, nothing_to_find
from hunch.traces import RunTable

Seconds = Callable[[float], float | None]


def price_of_pilot(plan: Plan) -> str:
    """What the study will train, in runs, before it starts."""
    parts = [search] if (search := price_of_search(plan)) else []
    looks = plan.look_counts
    runs = _runs_per_block(plan, RATES) * looks[-1]
    if plan.is_sequential:
        parts.append(f"{looks[0]} to {_blocks(looks[-1])}, {runs:,} runs at most")
    elif any(plan.is_tuned_per_block(arm.name) for arm in plan.arms):
        parts.append(f"{_blocks(looks[-1])}, {runs:,} runs")
    else:
        n_arms, n_seeds = len(plan.arms), len(plan.seeds)
        parts.append(
            f"{n_arms} arm{'s' if n_arms > 1 else ''} × {n_seeds} seed{'s' if n_seeds > 1 else ''} = "
            f"{n_arms * n_seeds} runs"
        )
    length = f" of {plan.asked_budget:,} iterations" if plan.asked_budget else ""
    return f"This study trains {', then '.join(parts)}{length}."


def price_of_search(plan: Plan) -> str:
    """What the pilot will train, as part of a sentence; empty where there is nothing to find."""
    if nothing_to_find(plan):
        return ""
    n_tuned = sum(arm.lr is None for arm in plan.arms)
    sweep = SWEEP_SEEDS * (n_tuned * RATES + len(plan.arms) - n_tuned)
    return f"a pilot of about {sweep + 2 * len(plan.arms)} runs (learning rates, budget, target)"


def price_of_blocks(plan: Plan, table: RunTable, seconds: Seconds, engine: str = "") -> tuple[str, ...]:
    """What the blocks will cost, once the pilot is over, and what would be cheaper.

    Args:
        plan: The plan, frozen.
        table: The runs so far.
        seconds: Iterations of all runs together → about how many seconds they take.
        engine: Name of the engine that serves.

    Returns:
        Sentences; none where the blocks are cheap and nothing is to be said.
    """
    assert plan.budget is not None, "a frozen plan has a budget"
    engine = engine or table.facts.engine
    said: list[str] = []
    n_rates = max((len(plan.grid(arm.name)) for arm in plan.arms), default=0)
    per_block = _runs_per_block(plan, n_rates)
    looks = plan.look_counts
    first, last = (seconds(per_block * n * plan.budget) for n in (looks[0], looks[-1]))
    text = f"A block is {per_block:,} runs of {plan.budget:,} iterations"
    if n_rates:
        text += f": every arm at {n_rates} learning rates, then once more"
    time = ""
    if first is not None and last is not None:
        time = f", about {duration(first)}"
        if plan.is_sequential:
            time = f", about {duration(first)} to the first look and {duration(last)} to the last"
    n_blocks = f"{looks[0]} to {looks[-1]}" if plan.is_sequential else f"{looks[-1]}"
    said.append(f"{text}; {n_blocks} block{'' if looks[-1] == 1 else 's'}{time}.")
    if n_rates and engine == "loop":
        said.append(
            f'Only the slow engine serves here; tuning="once" would train {_runs_per_block(plan, 0)} runs a '
            "block instead, with verdicts at these learning rates."
        )
    for claim, margin in zip(plan.claims, plan.margins, strict=True):
        said += (
            _price_of_bets(plan, table, claim)
            if plan.robust
            else _price_of_equality(plan, table, claim, margin)
        )
    return tuple(said)


def duration(seconds: float) -> str:
    """A time to wait, in words.

    Example:
        >>> duration(0.4), duration(95), duration(7200)
        ('1 second', '2 minutes', '2 hours')
    """
    for unit, size in (("hour", 3600.0), ("minute", 60.0), ("second", 1.0)):
        if seconds >= 1.5 * size or unit == "second":
            n = max(1, round(seconds / size))
            return f"{n:,} {unit}{'' if n == 1 else 's'}"
    raise AssertionError("a second is the smallest unit")


def _runs_per_block(plan: Plan, n_rates: int) -> int:
    """Runs of all arms in one block, while every claim is open."""
    runs = 0
    for arm in plan.arms:
        about = [c for c in plan.claims if arm.name in c.arms] or list(plan.claims[:1])
        n_goals = len({tuning_goal(c, plan.metric) for c in about}) if about else 1
        is_tuned = n_rates > 0 and plan.is_tuned_per_block(arm.name)
        runs += n_goals * (n_rates + 1) if is_tuned else 1
    return runs


def _price_of_equality(plan: Plan, table: RunTable, claim: Claim, margin: float) -> list[str]:
    """How many blocks it takes to call arms equal, where the study has not that many; from pilot pairs."""
    outcome = outcome_values(plan, table, claim, stage=PILOT)
    if len(outcome.seeds) < 3 or not np.isfinite(outcome.values).all() or not margin > 0:
        return []
    share = plan.alpha / len(plan.claims)
    needed = seeds_for_equivalence(outcome.effects(claim), share, margin)
    if not math.isfinite(needed) or needed <= len(plan.seeds):
        return []
    shown = f"about {math.ceil(needed):,}" if needed <= MANY_SEEDS else f"more than {MANY_SEEDS:,}"
    by = number(math.exp(margin) if claim.is_ratio else margin)
    return [
        f'"{claim.text}": by the {len(outcome.seeds)} pilot pairs it takes {shown} blocks to call arms '
        f"equal within the margin of {by}, and this study ends at {len(plan.seeds):,}. A wider margin= or "
        "a larger max_seeds= would do."
    ]


def _price_of_bets(plan: Plan, table: RunTable, claim: Claim) -> list[str]:
    """How many blocks a bet takes to tell a direction, were the pilot's pairs all there is to know."""
    low, high = effect_bounds(plan, table.facts, claim)
    outcome = outcome_values(plan, table, claim, stage=PILOT)
    about = f'"{claim.text}": robust=True bets on an effect between {number(low)} and {number(high)} a block'
    if len(outcome.seeds) < 3 or not np.isfinite(outcome.values).all():
        return [f"{about}, which takes many more blocks than the intervals that it replaces."]
    d = outcome.effects(claim)
    share = plan.alpha / len(plan.claims)
    needed = betting_price(float(d.mean()), float(d.std(ddof=1)), high - low, share)
    if needed > MANY_SEEDS:
        shown = f"more than {MANY_SEEDS:,}"
    else:
        shown = f"about {math.ceil(needed):,}"
    enough = "" if needed <= len(plan.seeds) else f", and this study ends at {len(plan.seeds):,}"
    return [f"{about}; by the {len(outcome.seeds)} pilot pairs it takes {shown} blocks to decide it{enough}."]


def _blocks(n: int) -> str:
    return f"{n:,} block{'' if n == 1 else 's'}"
