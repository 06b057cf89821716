"""How a study was done, as labels and sentences: enough for someone else to do it again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hunch.evidence import (
    Verdict,
    describe_arm,
    label,
    level,
    number,
    used_seeds,
)
from hunch.plan import Plan, cost_words
from hunch.report.readings import READINGS
from hunch.traces import Provenance, RunTable


@dataclass(frozen=True, slots=True)
class HowItem:
    """One line of the method: a label and its sentences."""

    label: str
    lines: tuple[str, ...]


def how_it_was_done(plan: Plan, table: RunTable, readings: Sequence[str]) -> tuple[HowItem, ...]:
    """The method of a study: what was asked, what the pilot fixed, on what it ran."""
    return items(
        [
            ("Claims", [_claim_line(plan, k) for k in range(len(plan.claims))]),
            ("Arms", [f"{a.name}: {describe_arm(a)}" for a in plan.arms]),
            ("Seeds", _seed_lines(plan, table)),
            ("Target and budget", target_lines(plan)),
            ("Learning rates", _rate_lines(plan)),
            ("What the pilot found", list(plan.notes)),
            *setting(plan, table, readings),
        ]
    )


def setting(plan: Plan, table: RunTable, readings: Sequence[str] = ()) -> list[tuple[str, list[str]]]:
    """Network, data, cost, engine, readings and fingerprints: what all kinds of studies say alike."""
    facts = table.facts
    return [
        (
            "Network",
            [f"{facts.network}, {facts.n_parameters:,} trainable parameters, made anew for every seed."],
        ),
        (
            "Data",
            [
                f"{facts.data_source}: {facts.n_train:,} examples to train on, {facts.n_held:,} held out.",
                *facts.data_notes,
            ],
        ),
        ("Cost", _cost_lines(plan, table)),
        ("Engine", [sentence(f"{facts.engine}: {facts.engine_reason}"), sentence(facts.engine_detail)]),
        ("Readings", [f"{READINGS[r].title}: {READINGS[r].definition}" for r in readings]),
        (
            "Fingerprints",
            [f"plan {plan.hash}", f"data {plan.data_hash}", f"network {plan.network_hash}"],
        ),
    ]


def items(found: Iterable[tuple[str, Sequence[str]]]) -> tuple[HowItem, ...]:
    """Labels with their sentences; without those that have none.

    Example:
        >>> items([("Claims", []), ("Seeds", ["0 to 9."])])
        (HowItem(label='Seeds', lines=('0 to 9.',)),)
    """
    return tuple(HowItem(label, tuple(x for x in lines if x)) for label, lines in found if any(lines))


def how_in_one_line(plan: Plan, table: RunTable, verdicts: Sequence[Verdict]) -> str:
    """The method in one sentence: seeds, budget, rates, level, engine, the plan's fingerprint."""
    used = used_seeds(plan, table) if plan.is_sequential else plan.seeds
    parts = [f"{count(len(used), 'seed')}{' in pairs' if plan.paired else ', not paired'}"]
    if plan.is_sequential:
        parts[0] += f", looked at {_looks_text(plan)}"
    if plan.budget is not None:
        parts.append(f"budget {plan.budget:,} iterations")
    if plan.rates:
        on_pilot = count(len(plan.pilot_seeds), "pilot seed")
        tuned = {
            "none": "as given",
            "once": f"tuned once on {on_pilot}",
            "shared": f"one for all arms, found on {on_pilot}",
        }
        parts.append(f"rates {tuned.get(plan.tuning, 'tuned anew for every block of seeds')}")
    if verdicts:
        parts.append(f"intervals at {_levels(verdicts)}")
    parts += [f"engine {table.facts.engine}", f"plan {plan.hash[:12]}"]
    return "; ".join(parts) + "."


def sentence(text: str) -> str:
    """The text with a full stop at its end, if it is not empty.

    Example:
        >>> sentence("no layer declined")
        'no layer declined.'
    """
    text = text.strip()
    return text if not text or text[-1] in ".!?" else text + "."


def _levels(verdicts: Sequence[Verdict]) -> str:
    shares = dict.fromkeys(v.alpha for v in verdicts)
    return ", ".join(level(share) for share in shares)


def provenance_lines(provenance: Provenance) -> tuple[HowItem, ...]:
    """When, where and with what it was made: all in which the reports of equal studies may differ."""
    versions = ", ".join(f"{package} {version}" for package, version in provenance.versions)
    return (
        HowItem("Versions", (versions or "not recorded",)),
        HowItem("Machine", (provenance.machine or "not recorded",)),
        HowItem(
            "Time",
            (
                f"Started {provenance.started or 'at a time not recorded'}; "
                f"{provenance.train_wall_s:,.1f} s of training.",
            ),
        ),
    )


def _claim_line(plan: Plan, k: int) -> str:
    claim = plan.claims[k]
    if k < len(plan.margins):
        margin = math.exp(plan.margins[k]) if claim.is_ratio else plan.margins[k]
    else:
        margin = claim.margin
    if margin is None:
        return claim.text
    what = "ratio" if claim.is_ratio else "difference"
    return f"{claim.text}; the smallest {what} that matters is {number(margin)}."


def _seed_lines(plan: Plan, table: RunTable) -> list[str]:
    used = used_seeds(plan, table) if plan.is_sequential else plan.seeds
    lines = [f"{listed(used)} for the verdicts ({count(len(used), 'seed')} for each arm)."]
    if plan.is_sequential:
        lines = [
            f"{listed(used)} for the verdicts ({count(len(used), 'seed')} of at most "
            f"{len(plan.seeds):,}; claims are looked at {_looks_text(plan)}, and an arm is trained no more "
            "when all its claims are decided)."
        ]
    if any(plan.is_tuned_per_block(arm.name) for arm in plan.arms):
        lines.append(
            "In every block of seeds each arm is first tuned on a seed of its own; no verdict uses these "
            "runs either."
        )
    if plan.pilot_seeds:
        lines.append(
            f"{listed(plan.pilot_seeds)} for the pilot; no verdict uses a run that chose its target or rate."
        )
    lines.append(
        "At one seed all arms share initial weights, batch order and dropout draws; so they are paired."
        if plan.paired
        else "Arms share no randomness (paired=False)."
    )
    stages = [t.key.stage for t in table]
    counts = ", ".join(f"{stages.count(s):,} {s}" for s in dict.fromkeys(stages))
    if counts:
        lines.append(f"Runs in the study file: {counts}.")
    failed = sum(t.failed is not None for t in table)
    if failed:
        lines.append(f"{count(failed, 'run')} could not be finished; no verdict uses them.")
    return lines


def _looks_text(plan: Plan) -> str:
    if plan.sequence == "anytime":
        return f"after every block from {plan.looks[0]} to {plan.looks[-1]:,}"
    counts = [f"{n:,}" for n in plan.looks]
    return f"after {', '.join(counts[:-1])} and {counts[-1]} blocks"


def listed(seeds: Sequence[int]) -> str:
    """Seeds as text, runs of neighbours as a range."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    if len(seeds) > 12:
        return f"{', '.join(map(str, seeds[:10]))}, … {seeds[-1]}"
    return ", ".join(map(str, seeds)) or "none"


def count(n: int, what: str) -> str:
    """So many of something.

    Example:
        >>> count(1, "seed"), count(1200, "seed")
        ('1 seed', '1,200 seeds')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def target_lines(plan: Plan, *, budget_only: bool = False) -> list[str]:
    """Target and budget, and where they come from; `budget_only` where nothing is asked about a target."""
    lines: list[str] = []
    where = "training slice" if plan.metric == "train" else "held-out part"
    if budget_only:
        pass
    elif plan.target is None:
        lines.append("No target was set.")
    elif plan.asked_target is not None:
        lines.append(f"Target {number(plan.target)}, as asked: the cost on the {where} to reach.")
    else:
        lines.append(
            f"Target {number(plan.target)}: the lowest cost on the {where} that, by half the budget, every "
            "arm that learned had reached in at least 80 % of its pilot runs."
        )
    if plan.target is not None and not budget_only:
        lines.append(
            "A run has reached the target at the first of two evaluations in a row at or below it; the "
            "moment is interpolated. A run that never does counts as the budget."
        )
    if plan.budget is not None:
        source = "as asked" if plan.asked_budget is not None else "from the pilot"
        lines.append(f"Budget {plan.budget:,} iterations a run, {source}.")
    return lines


def _rate_lines(plan: Plan) -> list[str]:
    if not plan.rates:
        return []
    rates = ", ".join(f"{arm} {number(rate)}" for arm, rate in plan.rates)
    how = {
        "none": "as given",
        "once": "each arm's own, tuned once on the pilot seeds where it was not given",
        "shared": "one for all arms, the best on average over them on the pilot seeds",
        "replicated": "the pilot's; where it was not given, a rate was tuned anew for every block of seeds",
    }[plan.tuning]
    limits = f"Verdicts hold {label(plan)}." if label(plan) else ""
    return [f"{rates}: {how}.", limits]


def _cost_lines(plan: Plan, table: RunTable) -> list[str]:
    facts = table.facts
    name = cost_words(plan.cost)
    lines = [
        f"{name[0].upper()}{name[1:]}, in eval mode and without the L2 term, on {facts.n_slice:,} training "
        f"examples that are the same for all arms. Predicting a constant costs {number(facts.c0_train)} "
        f"there and {number(facts.c0_held)} on the held-out part.",
        "A run that diverged never reaches the target; its cost and error count as those of a constant.",
    ]
    unit = "the share of wrong answers" if facts.error_unit == "share" else (
        "the root mean squared error in the target's own unit"
    )  # fmt: skip
    lines.append(f"Held-out error is {unit}; predicting a constant has {number(facts.error0)}.")
    return lines
