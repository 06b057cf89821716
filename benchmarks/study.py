"""A whole study, native against the same runs in a plain PyTorch loop."""

from __future__ import annotations

import multiprocessing as mp
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from benchmarks.team import cores

NETWORK = ((64, 100, 100, 100, 10), "sigmoid")


def whole_study(seeds: int, sampled: int, *, budget: int | None = None) -> Iterator[str]:
    """Time the arms of `bn-before-activation` on `NETWORK` natively; a loop makes a sample of the same runs, scaled to
    all by their steps.

    Args:
        seeds: Seeds an arm.
        sampled: Runs of each arm that the loop makes on each core.
        budget: Iterations of a run; None: as the pilot finds.
    """
    import hunch
    from hunch.catalogue import find

    more: dict[str, Any] = {}
    if budget is not None:
        more = {"budget": budget, "target": 1.0}
    started = time.perf_counter()
    entry = find("bn-before-activation")
    study = hunch.compare(
        hunch.mlp(*NETWORK), "digits", arms=entry.arms, claims=[hunch.faster("before", than="after")],
        base=hunch.Arm("base", optimizer="sgd"), seeds=seeds, engine="native", progress=False, **more,
    )  # fmt: skip
    native = time.perf_counter() - started
    steps: dict[str, int] = defaultdict(int)
    for trace in study.table:
        steps[trace.key.arm] += trace.key.budget
    arms = {arm.name: arm for arm in study.plan.arms}
    rates = dict(study.plan.rates)
    runs = [(arms[name], rates[name]) for name in steps]
    frozen = study.plan.budget
    assert frozen is not None, "a frozen plan has a budget"
    loop = loop_seconds(NETWORK, runs, frozen, sampled, steps)
    n_steps = sum(steps.values())
    yield (
        f"study bn-before-activation, {seeds} seeds an arm, {len(study.table)} runs with the pilot's, "
        f"{n_steps:,} steps, budget {frozen:,}: native {native:.1f} s in all; the same runs in the loop "
        f"(a), one process a core, evaluated alike: {loop:.0f} s (from {sampled} runs an arm and core, "
        f"scaled by steps): {loop / native:.1f} × faster"
    )


def loop_seconds(
    network: tuple[tuple[int, ...], str], runs: list[Any], budget: int, sampled: int, steps: dict[str, int]
) -> float:
    """Seconds that a plain loop takes for all steps, one process a core, from a sample of runs on each.

    Args:
        network: Widths and activation.
        runs: Pairs (arm, learning rate).
        budget: Iterations of a run.
        sampled: Runs of each arm that each core makes.
        steps: Arm → steps of all its runs.
    """
    context = mp.get_context("spawn")
    members = []
    for core in cores():
        mine, theirs = context.Pipe()
        process = context.Process(target=_sample, args=(theirs, core, network, runs, budget, sampled))
        process.start()
        theirs.close()
        members.append((process, mine))
    for _, pipe in members:
        pipe.recv()  # ready
    for _, pipe in members:
        pipe.send("go")
    a_step = [pipe.recv() for _, pipe in members]  # for each core, arm → seconds a step
    for process, _ in members:
        process.join()
    return sum(n * sum(core[name] for core in a_step) / len(a_step) ** 2 for name, n in steps.items())


def _sample(
    pipe: Any, core: int, network: tuple[tuple[int, ...], str], runs: list[Any], budget: int, sampled: int
) -> None:
    """The loop on one core: seconds a step of each arm, evaluations included."""
    import os

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    import torch

    from hunch.data import load
    from hunch.engine import Job, Setting, make_row, training_slice
    from hunch.network import mlp
    from hunch.plan import TRAIN
    from hunch.traces import RunKey

    torch.set_num_threads(1)
    data = load("digits")
    setting = Setting(mlp(*network), data, "cross_entropy", budget, ())
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    held_x, held_y = torch.from_numpy(data.x_held), torch.from_numpy(data.y_held)
    rows = torch.from_numpy(training_slice(data))
    eval_at, held_at = set(setting.eval_at.tolist()), set(setting.held_at.tolist())
    pipe.send("ready")
    pipe.recv()
    out = {}
    for arm, rate in runs:
        started = time.perf_counter()
        for k in range(sampled):
            row = make_row(setting, Job(RunKey(TRAIN, arm.name, core, rate, budget), arm, 1000 * core + k))
            _train(row, arm, rate, budget, (x, y), (x[rows], y[rows]), (held_x, held_y), eval_at, held_at)
        out[arm.name] = (time.perf_counter() - started) / (sampled * budget)
    pipe.send(out)


def _train(
    network: Any,
    arm: Any,
    rate: float,
    budget: int,
    train: Any,
    judged: Any,
    held: Any,
    eval_at: Any,
    held_at: Any,
) -> None:
    import torch
    from torch import nn

    from benchmarks.peers_loop import training_slice_costs

    if arm.is_adaptive:
        optimizer: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    else:
        optimizer = torch.optim.SGD(
            network.parameters(), lr=rate, momentum=arm.momentum, nesterov=arm.nesterov
        )
    cost, (x, y) = nn.CrossEntropyLoss(), train
    order, at = torch.randperm(len(x)), 0
    network.train()
    for step in range(budget + 1):
        if step in eval_at:
            training_slice_costs([network], *judged)
            if step in held_at:
                training_slice_costs([network], *held)
            network.train()
        if step == budget:
            return
        if at + arm.batch_size > len(x):
            order, at = torch.randperm(len(x)), 0
        chosen = order[at : at + arm.batch_size]
        at += arm.batch_size
        optimizer.zero_grad()
        cost(network(x[chosen]), y[chosen]).backward()
        optimizer.step()
