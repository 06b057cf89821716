# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""What does not fit together in a plan, in words: all of it at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hunch.errors import Problem
from hunch.plan.arms import is_number, is_whole
from hunch.plan.pools import POOL_SIZE, POOLS, SEEDS_PER_STUDY, TUNE, UNPAIRED_STRIDE

if TYPE_CHECKING:
    from hunch.plan.plan import Plan

TUNINGS = ("replicated", "once", "shared", "none")
METRICS = ("train", "held_out")
COSTS = ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber")
_OWN_COST = re.compile(r"own:(.+):([0-9a-f]{12})")
MOST_ITERATIONS = 100_000_000
SEQUENCES = ("planned", "anytime")


def cost_words(cost: str) -> str:
    """A cost as the plan has it, in words: `own:NAME:HASH` is a function of the user's own.

    Example:
        >>> cost_words("cross_entropy"), cost_words("own:focal:0123456789ab")
        ('cross entropy', 'your own cost `focal` (source 0123456789ab)')
    """
    own = _OWN_COST.fullmatch(cost)
    return f"your own cost `{own[1]}` (source {own[2]})" if own else cost.replace("_", " ")


def plan_problems(plan: Plan):
    """Every problem of a plan."""
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
    for text in sorted({c.text for c in plan.claims if plan.claims.count(c) > 1}):
        yield Problem(
            f'the claim "{text}" is made twice; each copy would halve the other\'s share of alpha. Make it once.',
            "plan-claim-twice",
        )
    if not isinstance(plan.paired, bool):
        yield Problem(f"paired must be True or False, got {plan.paired!r}.", "plan-paired")
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
        ("sequence", plan.sequence, SEQUENCES),
    ):
        if field == "cost" and _OWN_COST.fullmatch(str(value)):
            continue
        if value not in choices:
            listed = ", ".join((*choices, "auto") if field == "tuning" else choices)  # auto is settled before
            yield Problem(f"{field} must be one of {listed}, got {value!r}.", f"plan-{field}")
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
            f"the seeds {', '.join(map(str, shared[:5]))} are pilot seeds of this study; a verdict must "
            "not use runs that chose its target. Choose other seeds, or another seed= for the study.",
            "plan-seeds-pilot",
        )
    rest = [claim.text for claim in plan.claims if claim.outcome != "iterations"]
    if plan.stop_at_target and rest:
        yield Problem(
            "stop_at_target=True ends runs at the target, but "
            f"{'this claim needs' if len(rest) == 1 else 'these claims need'} the rest of them: "
            f"{'; '.join(rest)}. "
            "Leave stop_at_target out, or claim only what is about iterations.",
            "plan-stop",
        )
    yield from _look_problems(plan)
    yield from _pool_problems(plan)
    for field, value in (("budget", plan.asked_budget), ("budget", plan.budget)):
        if value is not None and (not is_whole(value) or not 1 <= value <= MOST_ITERATIONS):
            yield Problem(
                f"{field} must be a whole number of iterations from 1 to {MOST_ITERATIONS:,}, got {value!r}.",
                "plan-budget",
            )
            break
    for value in (plan.asked_target, plan.target):
        if value is not None and not is_number(value):
            yield Problem(f"target must be a finite cost, got {value!r}.", "plan-target")
            break
    if plan.tuning == "shared" and len({arm.is_adaptive for arm in plan.arms if arm.lr is None}) > 1:
        yield Problem(
            'tuning="shared" gives all arms one rate, but some are trained by Adam\'s family and some are not, '
            'and their rates have nothing in common. Write tuning="replicated" or "once".',
            "plan-tuning-shared",
        )
    if plan.tuning == "none":
        without = [arm.name for arm in plan.arms if arm.lr is None]
        if without:
            yield Problem(
                f'tuning="none" takes the rates as given, but {", ".join(without)} '
                f"{'has' if len(without) == 1 else 'have'} no lr. Write hunch.Arm(…, lr=0.1), or "
                f"base=hunch.Arm('base', lr=0.1) "
                'for all arms, or tuning="once".',
                "plan-rate-missing",
            )


def _look_problems(plan: Plan):
    """Looks must be rising numbers of blocks, the last one all of them."""
    looks = plan.looks
    if any(not is_whole(n) or n < 1 for n in looks):
        yield Problem(
            f"looks must be whole numbers of blocks from 1 on, got {list(looks)!r}. Write "
            "looks=[10, 20, 40].",
            "plan-looks",
        )
    elif list(looks) != sorted(set(looks)):
        yield Problem(
            f"looks must rise, each one once, got {list(looks)!r}. Write looks={sorted(set(looks))!r}.",
            "plan-looks",
        )
    elif looks and looks[-1] != len(plan.seeds):
        yield Problem(
            f"the last look must be at all {len(plan.seeds)} blocks, got looks={list(looks)!r}. Make "
            f"seeds= or max_seeds= {looks[-1]}, or end the looks with {len(plan.seeds)}.",
            "plan-looks",
        )


def _pool_problems(plan: Plan):
    """No run that tunes may come again as one that decides, and unpaired arms may share no stream."""
    if not all(is_whole(s) for s in plan.seeds):
        return
    n_blocks, n_arms = len(plan.seeds), len(plan.arms)
    if plan.tuning == "replicated" and n_arms:
        if n_blocks * n_arms > POOL_SIZE:
            yield Problem(
                f"{n_blocks} blocks of {n_arms} arms need {n_blocks * n_arms} tuning seeds, and a study has "
                f'{POOL_SIZE}. Ask for {POOL_SIZE // n_arms} blocks at most, or write tuning="once".',
                "plan-seeds-tune",
            )
        start = plan.seed * SEEDS_PER_STUDY + POOLS[TUNE]
        shared = sorted(s for s in plan.seeds if start <= s < start + n_blocks * n_arms)
        if shared:
            yield Problem(
                f"the seeds {', '.join(map(str, shared[:5]))} are tuning seeds of this study; a verdict "
                "must not use runs that chose its learning rates. Choose other seeds, or another seed= "
                "for the study.",
                "plan-seeds-tune",
            )
    if not plan.paired and n_arms > 1 and n_blocks and max(plan.seeds) - min(plan.seeds) >= UNPAIRED_STRIDE:
        yield Problem(
            f"paired=False shifts the seeds of every arm by {UNPAIRED_STRIDE:,}, and the seeds reach from "
            f"{min(plan.seeds)} to {max(plan.seeds)}: two arms could get the same one. Choose seeds less "
            f"than {UNPAIRED_STRIDE:,} apart.",
            "plan-seeds-unpaired",
        )
