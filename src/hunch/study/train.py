"""`train`: many seeds of one arm at once, and the trained networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from hunch.data import load
from hunch.engine import CostFunction, Engine, Job, Setting, check_engine, make_row
from hunch.errors import EngineError
from hunch.plan import TRAIN, Arm
from hunch.results import Runs
from hunch.study.progress import Reporter
from hunch.study.setup import prepare, provenance
from hunch.traces import RunKey, RunTable, Trace


def train(
    build: Callable[[], nn.Module],
    data: Any,
    *,
    arm: Arm | None = None,
    seeds: Sequence[int] | int = 16,
    budget: int,
    lr: float,
    cost: str | CostFunction = "auto",
    y: str | None = None,
    missing: str = "error",
    seed: int = 0,
    metric: str = "train",
    device: str | None = None,
    engine: str = "auto",
    progress: bool = True,
) -> Runs:
    """Train many seeds of one arm; the results hold the trained networks, a deep ensemble for instance.

    Args:
        build: A function without arguments that returns the network.
        data: As for `compare`.
        arm: How to normalise, regularise and train. None: the network as it is, plain SGD.
        seeds: A list of run seeds, or a number of seeds.
        budget: Iterations (updates) of every run.
        lr: Learning rate; an arm's own `lr` goes before it.
        cost: As for `compare`.
        y: Target column, for frames and tables.
        missing: What to do with missing values.
        seed: The study seed, from which run seeds come when `seeds` is a number.
        metric: `"train"` or `"held_out"`; the latter judges the held-out part at every evaluation.
        device: None or `"cpu"`.
        engine: `"auto"`, or the name of an engine.
        progress: Whether to show progress on stderr.

    Returns:
        The runs: `runs.network(seed)` is an ordinary `nn.Module` in eval mode, `runs.frame()` the table.

    Raises:
        PlanError, DataError, NetworkError, PlacementError, UnsupportedError: If something does not fit.
        EngineError: If a run fails.

    Example:
        >>> import hunch
        >>> runs = hunch.train(hunch.mlp([64, 8, 10]), "digits", seeds=2, budget=10, lr=0.1, progress=False)
        >>> runs.network(0)[0].out_features
        8
    """
    wanted = arm or Arm("train")
    if wanted.lr is None:
        # Through JSON, so that a wrong rate is refused like any other setting of an arm.
        wanted = Arm.from_json({**wanted.to_json(), "lr": lr})
    check_engine(engine, device)
    loaded = load(data, y=y, missing=missing)
    prepared = prepare(
        build,
        loaded,
        engine=engine,
        device=device,
        arms=[wanted],
        claims=[],
        base=None,
        cost=cost,
        budget=budget,
        target=None,
        seeds=seeds,
        max_seeds=100_000,
        seed=seed,
        paired=True,
        alpha=0.05,
        tuning="none",
        metric=metric,
    )
    resolved = prepared.plan.arms[0]
    assert resolved.lr is not None
    plan = prepared.plan.freeze(budget=budget, target=None, rates={resolved.name: resolved.lr}, margins=())
    setting = Setting(build, loaded, plan.cost, budget, prepared.facts.sites, metric)
    jobs = [Job(RunKey(TRAIN, resolved.name, s, resolved.lr, budget), resolved, s) for s in plan.seeds]
    reporter = Reporter(progress)
    reporter.say(prepared.choice.sentence)
    traces, states = _train(prepared.choice.engine, setting, jobs, reporter)

    def network(run_seed: int) -> nn.Module:
        job = next(j for j in jobs if j.key.seed == run_seed)
        made = make_row(setting, job)
        made.load_state_dict(states[run_seed])
        return made.eval()

    return Runs(plan, prepared.facts, provenance(), RunTable(prepared.facts, traces), make_network=network)


def _train(
    engine: Engine, setting: Setting, jobs: list[Job], reporter: Reporter
) -> tuple[list[Trace], dict[int, dict[str, Tensor]]]:
    traces: list[Trace] = []
    states: dict[int, dict[str, Tensor]] = {}
    with reporter.stage("train", len(jobs)) as stage:
        for result in engine.train(setting, jobs, keep_networks=True):
            if result.trace.failed is not None or result.state is None:
                raise EngineError(
                    f"seed {result.job.key.seed}: the run failed with {result.trace.failed}. Run the "
                    "network on one batch by yourself to find the line.",
                    "engine-run-failed",
                )
            traces.append(result.trace)
            states[result.job.key.seed] = result.state
            stage.done()
    return traces, states
