"""Before the first run: do data, network, arms and claims fit together? All problems at once."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from torch import nn

from hunch.data import (
    Data,
    choose_cost,
    constant_error,
    constant_right,
    validation_split,
)
from hunch.engine import Choice, CostFunction, OwnCost, OwnCostEngine, choose, read_own_cost, training_slice
from hunch.errors import HunchError, HunchWarning, PlanError, Problem
from hunch.evidence import ANSWERS, LOSSES, effect_bounds, examples_kept, site_index
from hunch.network import (
    build_network,
    first_examples,
    inspect_network,
    is_chain,
    network_hash,
    place_anywhere,
    place_arm,
    read_sites,
)
from hunch.plan import PILOT, TUNE_HELD, Arm, Claim, Plan, asks_on_request, read_claim, run_seeds, tuning_goal
from hunch.study.ask import read_blocks
from hunch.study.constant import Constant
from hunch.study.decay_note import decay_sentence, told_once
from hunch.study.pilot import nothing_to_find
from hunch.traces import Provenance, StudyFacts

PILOT_SEEDS = 5


@dataclass(frozen=True, eq=False)
class Prepared:
    """What `prepare` made.

    Args:
        plan: The plan as asked.
        facts: Facts of network and data.
        data: The data.
        choice: The engine, and why.
        said: What the user should hear before the start.
        own: The cost, where it is a function of the user's.
    """

    plan: Plan
    facts: StudyFacts
    data: Data
    choice: Choice
    said: tuple[str, ...] = ()
    own: OwnCost | None = None


def prepare(
    build: Callable[[], nn.Module],
    data: Data,
    *,
    engine: str,
    device: str | None,
    arms: Sequence[Arm],
    claims: Sequence[Claim | str],
    base: Arm | None,
    cost: str | CostFunction,
    budget: int | None,
    target: float | None,
    seeds: Sequence[int] | int | None,
    max_seeds: int,
    seed: int,
    paired: bool,
    alpha: float,
    tuning: str,
    metric: str,
    looks: Sequence[int] | str = "planned",
    robust: bool = False,
    stop_at_target: bool = False,
) -> Prepared:
    """Check everything that can be checked without training, and write the plan as asked."""
    check_seed(seed)
    bought = read_blocks(seeds, seed, max_seeds, looks, measures_only=not claims)
    pilot_seeds = run_seeds(seed, PILOT, PILOT_SEEDS)
    network = build_network(build, pilot_seeds[0])
    found = inspect_network(network, data.x)
    _warn_if_all_alike(build, network, pilot_seeds[1])
    own = read_own_cost(cost, network, data, found.n_outputs) if callable(cost) else None
    cost = choose_cost(data, found.n_outputs, cost) if not callable(cost) else own.name  # type: ignore[union-attr]
    constant = Constant(data, cost, own, found.n_outputs)
    if isinstance(claims, str | bytes) or not hasattr(claims, "__iter__"):
        raise PlanError(
            f"claims must be a list, got {claims!r}. Write claims=[hunch.faster('a', than='b')], or "
            "claims=['a faster than b'].",
            "plan-claims",
        )
    wanted = tuple(read_claim(claim) for claim in claims)
    n_least = _fewest_examples(data, wanted, metric)
    resolved = tuple(_whole(arm).over(base).resolved(n_least) for arm in _arms(arms))
    choice = choose(
        network, data, engine, device, arms=resolved, cost=own or cost, on_request=asks_on_request(wanted)
    )
    if own is not None:
        choice = replace(choice, engine=OwnCostEngine(choice.engine, own))
    tuning, said = _settle_tuning(tuning, resolved, wanted, choice)
    plan = bought.with_problems(
        arms=resolved,
        claims=wanted,
        cost=cost,
        seed=seed,
        pilot_seeds=pilot_seeds,
        metric=metric,
        alpha=alpha,
        tuning=tuning,
        paired=paired,
        robust=bool(robust),
        stop_at_target=bool(stop_at_target),
        asked_budget=budget,
        asked_target=target,
        data_hash=data.hash,
        network_hash=network_hash(network),
        budget=budget,
        target=target,
    )
    said += check_arms(network, resolved, data, data.n if nothing_to_find(plan) else n_least)
    rows = training_slice(data)
    kept = {examples_kept(plan, claim) for claim in plan.claims}
    has_answers = ANSWERS in kept and data.labels
    facts = StudyFacts(
        c0_train=constant.cost("train", rows),
        c0_held=constant.cost("held"),
        error0=constant_error(data),
        n_train=data.n,
        n_held=data.n_held,
        n_slice=len(rows),
        n_outputs=found.n_outputs,
        n_parameters=found.n_parameters,
        sites=found.sites,
        data_source=data.source,
        data_notes=data.notes,
        network=found.text,
        error_unit="share" if data.labels else "target",
        engine=choice.engine.name,
        engine_reason=choice.reason,
        engine_detail=choice.engine.detail(),
        constant_right=tuple(int(right) for right in constant_right(data)) if has_answers else (),
        constant_losses=tuple(constant.losses().tolist()) if LOSSES in kept else (),
    )
    for claim in plan.claims:
        site_index(claim, facts)  # refuses a site that the network does not have
        if plan.robust:
            effect_bounds(plan, facts, claim)  # refuses an outcome without bounds
    return Prepared(plan, facts, data, choice, said, own)


def check_seed(seed: int) -> None:
    """Refuse a study seed from which no run seeds can be counted.

    Raises:
        PlanError: If it is no whole number from 0 to 2^40.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**40:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PlanError(f"seed must be a whole number from 0 to 2^40, got {seed!r}.", "plan-seed")


def _settle_tuning(
    tuning: str, arms: Sequence[Arm], claims: Sequence[Claim], choice: Choice
) -> tuple[str, tuple[str, ...]]:
    """(how rates are tuned, what to say about it): `"auto"` and what has nothing to tune are settled here."""
    if tuning == "auto":
        if choice.engine.name != "loop" or all(arm.lr is not None for arm in arms):
            return _settle_tuning("replicated", arms, claims, choice)
        return "once", (
            "Learning rates are tuned once, because only the slow engine serves: tuning them anew for every "
            'block would take about eight times as long. tuning="replicated" does it nevertheless.',
        )
    if tuning == "replicated":
        if all(arm.lr is not None for arm in arms):
            return "none", ()
        if not claims:
            return "once", ()
    if tuning == "shared" and all(arm.lr is not None for arm in arms):
        return "none", ()
    return tuning, ()


def _fewest_examples(data: Data, claims: Sequence[Claim], metric: str) -> int:
    """The examples that a run may have at least: what tunes on held-out outcomes sees four fifths of them."""
    is_split = metric == "held_out" or any(tuning_goal(c, metric)[0] == TUNE_HELD for c in claims)
    return validation_split(data).n if is_split else data.n


def check_arms(network: nn.Module, arms: Sequence[Arm], data: Data, n_least: int) -> tuple[str, ...]:
    """Refuse arms that cannot train on this network and data, all problems at once.

    Returns:
        What the user should hear of arms that fit: which sites are left out, whose forward is rewritten, where L2 only
        sets the effective learning rate.

    Args:
        network: The network as built.
        arms: The arms, resolved.
        data: The data.
        n_least: Examples of the smallest part that a run trains on.

    Raises:
        PlanError: If a batch is too large, or batch norm would see a batch of one.
        PlacementError: If a norm or dropout cannot stand where an arm wants it.
    """
    problems: list[Problem] = []
    kind: type[HunchError] = PlanError
    said: list[str] = []
    examples = first_examples(network, data.x)
    decays: list[tuple[str, str]] = []
    for arm in arms:
        assert arm.batch_size is not None
        if n_least < arm.batch_size <= data.n:
            problems.append(
                Problem(
                    f'arm "{arm.name}": batch_size {arm.batch_size} is larger than the {n_least} examples that pilot '
                    "and tuning train on: for a held-out outcome a fifth of the training part is set aside to judge "
                    f"them. Use batch_size={n_least} or less.",
                    "plan-batch-size",
                )
            )
        if arm.batch_size > data.n:
            problems.append(
                Problem(
                    f'arm "{arm.name}": batch_size {arm.batch_size} is larger than the training part, which '
                    f"has {data.n} examples. Use batch_size={data.n} or less.",
                    "plan-batch-size",
                )
            )
        try:
            placed = place_arm(network, arm, inputs=examples)
            layout = read_sites(placed, examples)
            if not is_chain(network):
                said += [
                    f'Arm "{arm.name}": {s}.' for s in place_anywhere(network, arm, inputs=examples).said
                ]
            decays.append((arm.name, decay_sentence(placed, arm, examples)))
        except HunchError as error:
            problems.extend(error.problems)
            kind = type(error)
            continue
        has_batch_norm = any(
            s.norm is not None and isinstance(s.norm.module, nn.BatchNorm1d) and not s.is_map
            for s in layout.sites
        )
        if has_batch_norm and arm.batch_size == 1:
            problems.append(
                Problem(
                    f'arm "{arm.name}": batch norm cannot train on batches of 1 (the variance over one '
                    "example is 0), got batch_size=1. Use batch_size=2 or more, or norm='layer'.",
                    "plan-batch-norm-of-one",
                )
            )
    kind.raise_all(problems)
    return (*said, *told_once(decays))


def provenance() -> Provenance:
    """Where and when: versions, machine, time."""
    names = ("hunch-lab", "torch", "numpy", "scipy")
    return Provenance(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=(("python", platform.python_version()), *((n, _version(n)) for n in names)),
        machine=f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown CPU"


def _arms(arms: Sequence[Arm]) -> Sequence[Arm]:
    if isinstance(arms, Arm) or not hasattr(arms, "__iter__"):
        raise PlanError(
            f"arms must be a list of hunch.Arm, got {type(arms).__name__}. Write "
            "arms=[hunch.Arm('none'), …].",
            "plan-arms",
        )
    return list(arms)


def _warn_if_all_alike(build: Callable[[], nn.Module], network: nn.Module, seed: int) -> None:
    """Seeds are repetitions only if they start from different weights."""
    if network_hash(build_network(build, seed)) == network_hash(network):
        warnings.warn(
            "build() gives the same initial weights at every seed, so that runs differ in their batches alone and "
            "verdicts hold for these weights only. Let build() make a fresh network each time, as "
            "lambda: nn.Sequential(…) does.",
            HunchWarning,
            stacklevel=4,
        )


def _whole(arm: Arm) -> Arm:
    if not isinstance(arm, Arm):
        raise PlanError(
            f"arms must be hunch.Arm objects, got {arm!r}. Write hunch.Arm('none'), "
            "hunch.Arm('before', norm='batch').",
            "plan-arms",
        )
    return arm
