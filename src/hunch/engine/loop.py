"""The loop engine: plain PyTorch, one run after another, one thread. Obviously right; the others' truth."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from hunch.engine.contract import (
    Job,
    Result,
    Setting,
    empty_trace,
    frozen_biases,
    is_whole,
    make_row,
    row_layout,
    training_slice,
)
from hunch.engine.costs import cost_function, example_records, held_error, judged_outputs
from hunch.engine.inputs import Inputs, call, take, to_inputs
from hunch.engine.masks import SeededDropout, dropout_modules, seed_dropouts
from hunch.engine.optimizers import make_optimizer
from hunch.engine.own_cost_name import OwnCost
from hunch.engine.streams import batches, words
from hunch.engine.team import can_fork, in_workers
from hunch.network import Layout, decayed_parameters, seeded
from hunch.plan import RECORDED, schedule_factors
from hunch.probe import StepRecorder, gradient_ahead
from hunch.traces import Trace


class LoopEngine:
    """Trains one run after another with autograd and `torch.optim`.

    Args:
        workers: Processes that do so side by side, where processes can be forked; a run is made by one of them.
    """

    name = "loop"

    def __init__(self, workers: int = 1) -> None:
        """Keep the number of workers."""
        self.workers = workers

    def detail(self) -> str:
        """Torch's version and CPU capability: another build of torch may round differently."""
        return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, 1 thread"

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """Train the jobs, begun in their order; see `hunch.engine.contract` for what each run is."""
        work = partial(_results, setting, _Tensors(setting), keep_networks)
        if self.workers > 1 and len(jobs) > 1 and can_fork():
            for index, result in in_workers(jobs, work, self.workers):
                yield replace(result, job=jobs[index])  # a worker sends a copy
            return
        for job in jobs:
            with one_thread():
                results = list(work(job))
            yield from results


def _results(setting: Setting, tensors: _Tensors, keep_networks: bool, job: Job) -> Iterator[Result]:
    trace, network = _train_one(setting, tensors, job)
    state = None
    if keep_networks and network is not None:
        state = {k: v.detach().clone() for k, v in network.state_dict().items()}
    yield Result(job, trace, state)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, so that a trace does not depend on the number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Tensors:
    """The data as tensors, made once."""

    def __init__(self, setting: Setting) -> None:
        data = setting.data
        self.x, self.y = as_tensors(data.x, data.y, setting)
        self.x_held, self.y_held = as_tensors(data.x_held, data.y_held, setting)
        rows = torch.from_numpy(training_slice(data))
        self.x_slice, self.y_slice = take(self.x, rows), self.y[rows]


def as_tensors(
    x: np.ndarray, y: np.ndarray, setting: Setting, device: str | torch.device = "cpu"
) -> tuple[Inputs, Tensor]:
    """Inputs and targets as the network and the setting's cost take them."""
    inputs = to_inputs(x, setting.dtype, device)
    targets = torch.from_numpy(np.ascontiguousarray(y)).to(device)
    if isinstance(setting.cost, OwnCost):  # it gets labels as they are
        return inputs, targets.to(setting.dtype) if targets.is_floating_point() else targets
    if setting.cost == "binary_cross_entropy":
        targets = targets.reshape(-1, 1)
    if setting.cost != "cross_entropy":
        targets = targets.to(setting.dtype)
    return inputs, targets


def _train_one(setting: Setting, data: _Tensors, job: Job) -> tuple[Trace, nn.Module | None]:
    started = time.perf_counter()
    trace = empty_trace(setting, job.key)
    try:
        network = make_row(setting, job)
        layout = row_layout(network, setting)
        if layout.how == "chain":
            diverged_at = _run(setting, data, job, network, layout, trace)
        else:  # whatever such a network draws by itself is a function of the run's seed too
            with seeded(job.stream_seed):
                network = dropout_modules(network, layout)
                layout = row_layout(network, setting)
                diverged_at = _run(setting, data, job, network, layout, trace)
    except Exception as error:  # of the user's build or modules, or an arm that does not fit what build made
        failed = f"{type(error).__name__}: {error}"
        return replace(trace, failed=failed, wall_s=time.perf_counter() - started), None
    trace = replace(trace, diverged_at=diverged_at)
    if is_whole(trace):
        wanted = {"answers": setting.answers, "losses": setting.losses}
        outputs = judged_outputs(network, data.x_held)
        trace = replace(trace, **example_records(outputs, data.y_held, setting.cost, **wanted))
    return replace(trace, wall_s=time.perf_counter() - started), network


def _run(
    setting: Setting, data: _Tensors, job: Job, network: nn.Module, layout: Layout, trace: Trace
) -> int | None:
    """Train, writing what is measured into the trace's arrays; the iteration of divergence, or None."""
    arm, budget = job.arm, setting.budget
    assert arm.batch_size is not None
    assert arm.schedule is not None
    assert arm.keep_until is not None
    dropouts = seed_dropouts(network, job.stream_seed, layout)
    optimizer = make_optimizer(
        network,
        arm,
        job.key.lr,
        decayed=decayed_parameters(network, decay_norm=bool(arm.decay_norm)),
        frozen=frozen_biases(layout),
    )
    cost = cost_function(setting.cost)
    order = torch.from_numpy(batches(job.stream_seed, setting.data.n, arm.batch_size, budget))
    factors = schedule_factors(arm.schedule, budget)
    eval_index = {int(t): k for k, t in enumerate(trace.eval_at)}
    held_index = {int(t): k for k, t in enumerate(trace.held_at)}
    reading_index = {int(t): k for k, t in enumerate(trace.reading_at)}
    site_names = tuple(s.name for s in setting.sites)
    weights = [cast(Tensor, layout.site(name).module.weight) for name in site_names if setting.on_request]
    last_with_dropout = arm.keep_until * budget
    hits = 0

    for t in range(budget + 1):
        if t in eval_index:
            network.eval()
            with torch.no_grad():
                value = cost(call(network, data.x_slice), data.y_slice).item()
                if not np.isfinite(value):
                    return t
                trace.cost[eval_index[t]] = value
                if t in held_index:
                    out = call(network, data.x_held)
                    trace.held_cost[held_index[t]] = cost(out, data.y_held).item()
                    trace.held_error[held_index[t]] = held_error(
                        out, data.y_held, setting.cost, setting.data.y_scale
                    )
            network.train()
            judged = trace.cost if setting.metric == "train" else trace.held_cost
            is_low = setting.stop_at is not None and judged[eval_index[t]] <= setting.stop_at
            hits = hits + 1 if is_low else 0
            if hits == 2:
                return None
        if t == budget:
            return None
        x, y = take(data.x, order[t]), data.y[order[t]]
        rate = job.key.lr * factors[t]
        optimizer.set_rate(rate)

        def backward(t: int = t, x: Inputs = x, y: Tensor = y) -> None:
            """The step's forward and backward, with its own draws however often it is done."""
            _set_step(dropouts, t, is_on=t < last_with_dropout)
            if layout.how != "chain":
                torch.manual_seed(int(words(job.stream_seed, "forward", t, 1)[0]))
            cost(call(network, x), y).backward()

        if t + 1 in reading_index:
            read = trace.readings[reading_index[t + 1]]
            if setting.on_request:
                read[len(RECORDED) :] = gradient_ahead(network, weights, backward, rate)
            with StepRecorder(network, site_names, layout) as recorder:
                optimizer.zero_grad()
                backward()
                recorder.gradients()
                optimizer.step()
                recorder.updates()
            read[: len(RECORDED)] = recorder.values
        else:
            optimizer.zero_grad()
            backward()
            optimizer.step()
    return None


def _set_step(dropouts: Sequence[SeededDropout], step: int, *, is_on: bool) -> None:
    for module in dropouts:
        module.step, module.n_calls = step, 0
        module.is_on = is_on
