"""`audit`: the verdicts themselves put to the test, on the user's own network and data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from hunch.data import load
from hunch.engine import check_engine
from hunch.errors import PlanError, Problem
from hunch.evidence import Planted
from hunch.network import mlp
from hunch.plan import CONFIRM, PILOT, Arm, Claim, Plan, faster, lower_cost, lower_error, run_seeds
from hunch.results import Audit
from hunch.study.compare import compare
from hunch.study.execute import Workshop
from hunch.study.pilot import RATES, nothing_to_find, run_pilot
from hunch.study.price import duration, price_of_search
from hunch.study.progress import Reporter
from hunch.study.setup import Prepared, prepare, provenance
from hunch.study.start import refuse_met_target
from hunch.study.together import Nowhere, Together

FIRST, SECOND = "first", "second"
CLAIMS: dict[str, Callable[..., Claim]] = {
    "iterations": faster, "cost": lower_cost, "held_out_error": lower_error,
}  # fmt: skip
BLOCKS = 10
STUDIES_APART = 100_000  # study seeds of one audit; those of `compare` are mostly small, and so no audit's
MOST_SEED = 10_000_000


def audit(
    build: Callable[[], nn.Module] | None = None,
    data: Any = None,
    *,
    arm: Arm | None = None,
    studies: int = 200,
    of: str = "iterations",
    planted: float | None = None,
    **compares: Any,
) -> Audit:
    """How often identical arms are told apart on this network and these data, and whether a difference is found.

    Many studies are made, each of two arms that are the same, on seeds of its own, tuned for itself, the arms
    sharing no randomness (arms that share it are equal to the last bit, and nothing could go wrong). Every verdict
    that tells them apart is false. So that silence does not pass for honesty, a difference is planted into one arm
    of the same runs, and must be found in 80 % of the studies; and when more than 10 % of them had nothing to rest
    a verdict on, the audit is invalid.

    The pilot is shared, which keeps the price down: what it freezes treats two equal arms alike, so they could
    still only differ by luck. With `tuning="once"` that is not so, and every study has a pilot of its own.

    Args:
        build: Makes the network. None: the embedded one, 64 → 100 → 100 → 100 → 10, sigmoid.
        data: As for `compare`. None: the embedded digits.
        arm: What both arms are. None: the network as it is.
        studies: How many studies. 200 tell a rate of 8 % from 5 % one time in four, 1,000 nine times in ten.
        of: What is compared: `"iterations"` to the target, `"cost"` or `"held_out_error"`.
        planted: What is planted. For iterations: how many times as many the second arm needs; by default 2, a
            difference that ten blocks should not miss. For a cost or an error: how much is added, in its own unit;
            by default four margins.
        **compares: Keywords of `compare`, but for `arms`, `claims`, `paired` and `store`. Unless `seeds`,
            `max_seeds` or `looks` is given a study has ten blocks and one look; `seeds=None` gives it the planned
            looks of `compare`. `tuning` is `"auto"` by default: replicated where a fast engine serves, else once.

    Returns:
        The audit: `print(audit)` says what came out, `.frame()` has one row a study.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit.
        EngineError: If a run fails twice.

    Example:
        >>> import hunch
        >>> found = hunch.audit(hunch.mlp([64, 8, 10]), "digits", studies=4, base=hunch.Arm("base", lr=0.3),
        ...                     budget=20, target=2.0, seeds=6, progress=False)
        >>> len(found.frame())
        4
    """
    settings = _settings(studies, of, planted, compares)
    progress, seed = settings.pop("progress"), settings.pop("seed")
    engine, device = settings.pop("engine"), settings.pop("device")
    check_engine(engine, device)
    build = build or mlp([64, 100, 100, 100, 10], "sigmoid")
    loaded = load("digits" if data is None else data, y=settings.pop("y"), missing=settings.pop("missing"))
    one = arm or Arm("network")
    base = (seed + 1) * STUDIES_APART
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=[replace(one, name=FIRST), replace(one, name=SECOND)],
        claims=[CLAIMS[of](FIRST, than=SECOND)],
        seed=base,
        paired=False,
        **settings,
    )
    facts, choice, reporter = prepared.facts, prepared.choice, Reporter(progress)
    refuse_met_target(build, loaded, prepared.plan, prepared.own)
    for sentence in (choice.sentence, *prepared.said):
        reporter.say(sentence)
    has_own_pilots = prepared.plan.tuning in ("once", "shared") and not nothing_to_find(prepared.plan)
    reporter.say(_price(prepared.plan, studies, has_own_pilots))
    seen = provenance()
    workshop = Workshop(choice.engine, Nowhere(), reporter, paired=False, own=prepared.own)
    plan = run_pilot(workshop, prepared.plan, facts, build, loaded)
    plans = [_with_seed(plan, base + 1 + k) for k in range(studies)]
    if has_own_pilots:
        asked = [_with_seed(prepared.plan, p.seed) for p in plans]
        plans = list(_own_pilots(asked, prepared, reporter, build))
    else:
        said = _time(plan, studies, workshop)
        if said:
            reporter.say(said)
    [margin] = plan.margins
    wanted = Planted.for_margin(of, margin) if planted is None else Planted(of, float(planted))
    together = Together(choice.engine, reporter, facts, build, loaded, wanted)
    return Audit(plan, facts, seen, tuple(together.run(plans)), wanted)


def _settings(studies: Any, of: Any, planted: Any, compares: dict[str, Any]) -> dict[str, Any]:
    """Every keyword of `prepare` and `compare` that an audit leaves open, checked; all problems at once."""
    defaults = {
        name: found.default
        for name, found in inspect.signature(compare).parameters.items()
        if name not in ("build", "data", "arms", "claims", "paired", "store")
    }
    given = dict(compares)
    problems = list(_refused(given))
    for name in ("arms", "claims", "paired", "store"):
        given.pop(name, None)
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        problems.append(
            Problem(
                f"hunch.audit has no setting {', '.join(map(repr, unknown))}. Beside arm, studies, of and planted it "
                f"takes those of hunch.compare: {', '.join(sorted(defaults))}.",
                "plan-audit-setting",
            )
        )
    if not _is_whole(studies) or not 1 <= studies < STUDIES_APART:
        problems.append(
            Problem(
                f"studies must be a whole number from 1 to {STUDIES_APART - 1:,}, got {studies!r}. Write studies=200.",
                "plan-audit-studies",
            )
        )
    if of not in CLAIMS:
        problems.append(
            Problem(
                f"of must be one of {', '.join(CLAIMS)}, got {of!r}. Leave it out for iterations.",
                "plan-audit-of",
            )
        )
    least = 1.0 if of == "iterations" else 0.0
    if planted is not None and not (_is_number(planted) and least < planted < float("inf")):
        what = "how many times as many iterations one arm shall need, a number above 1"
        if of != "iterations":
            what = "how much shall be added to the outcome of one arm, a number above 0"
        problems.append(
            Problem(
                f"planted is {what}, got {planted!r}. Leave it out for the default.", "plan-audit-planted"
            )
        )
    seed = given.get("seed", 0)
    if not _is_whole(seed) or not 0 <= seed <= MOST_SEED:
        problems.append(
            Problem(f"seed must be a whole number from 0 to {MOST_SEED:,} here, got {seed!r}.", "plan-seed")
        )
    PlanError.raise_all(problems)
    own: dict[str, Any] = {"tuning": "auto"}
    if not {"seeds", "max_seeds", "looks"} & set(given):
        own["seeds"] = BLOCKS
    return defaults | own | given


def _refused(given: dict[str, Any]) -> Iterator[Problem]:
    if given.get("paired"):
        yield Problem(
            "an audit with paired=True says nothing: identical arms that share all randomness are equal to the last "
            "bit, so they are never told apart, by however bad a method. Leave paired= out.",
            "plan-audit-paired",
        )
    for name in ("arms", "claims"):
        if name in given:
            yield Problem(
                f"{name}= is what an audit sets itself: two arms that are the same. Write arm=hunch.Arm(…) for what "
                'both are, and of="cost" or of="held_out_error" for another outcome than iterations.',
                "plan-audit-setting",
            )
    if given.get("store") is not None:
        yield Problem(
            "an audit keeps no study file: it is many studies, and a file holds one. Leave store= out, and keep "
            "audit.to_json() or audit.frame().",
            "plan-audit-store",
        )
    seeds = given.get("seeds")
    if seeds is not None and not _is_whole(seeds):
        yield Problem(
            f"seeds must be a number in an audit, because every study has seeds of its own, got {seeds!r}. Write "
            f"seeds={BLOCKS}.",
            "plan-audit-seeds",
        )


def _with_seed(plan: Plan, seed: int) -> Plan:
    """The same plan on the seeds of another, disjoint study."""
    return replace(
        plan,
        seed=seed,
        seeds=run_seeds(seed, CONFIRM, len(plan.seeds)),
        pilot_seeds=run_seeds(seed, PILOT, len(plan.pilot_seeds)),
    )


def _own_pilots(
    plans: list[Plan],
    prepared: Prepared,
    reporter: Reporter,
    build: Callable[[], nn.Module],
) -> Iterator[Plan]:
    """The plans, each frozen by a pilot of its own."""
    for k, plan in enumerate(plans):
        if k % 10 == 0:
            reporter.say(f"Pilots of studies {k + 1:,} to {min(k + 10, len(plans)):,} of {len(plans):,}.")
        engine = prepared.choice.engine
        workshop = Workshop(engine, Nowhere(), Reporter(False), paired=False, own=prepared.own)
        yield run_pilot(workshop, plan, prepared.facts, build, prepared.data)


def _price(plan: Plan, studies: int, has_own_pilots: bool) -> str:
    """What the audit will train, in runs, before it starts."""
    looks, per_block = plan.look_counts, _runs_per_block(plan, RATES)
    blocks = f"{looks[0]} to {looks[-1]}" if plan.is_sequential else f"{looks[-1]}"
    most = " at most" if plan.is_sequential else ""
    tuned = ", both arms tuned for each" if per_block > len(plan.arms) else ""
    pilot = price_of_search(plan)
    each = f"{blocks} blocks ({per_block} runs a block{tuned})"
    n = studies * per_block * looks[-1]
    if has_own_pilots:
        return f"This audit trains {studies:,} studies, each {pilot} and {each}: {n:,} runs{most} beside the pilots."
    first = f"{pilot} that all share, then " if pilot else ""
    return f"This audit trains {first}{studies:,} studies of {each}: {n:,} runs{most}."


def _time(plan: Plan, studies: int, workshop: Workshop) -> str:
    """How long the studies will take, by the pilot's runs; empty where there were none."""
    assert plan.budget is not None, "a frozen plan has a budget"
    per_block = _runs_per_block(plan, max(len(plan.grid(arm.name)) for arm in plan.arms))
    looks = plan.look_counts
    first, last = (workshop.seconds(studies * per_block * n * plan.budget) for n in (looks[0], looks[-1]))
    if first is None or last is None:
        return ""
    time = duration(first) if first == last else f"{duration(first)} to {duration(last)}"
    return f"The studies' runs have {plan.budget:,} iterations each; all of them take about {time}."


def _runs_per_block(plan: Plan, n_rates: int) -> int:
    return sum(1 + (n_rates if plan.is_tuned_per_block(arm.name) else 0) for arm in plan.arms)


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool | str)
