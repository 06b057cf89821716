"""What every engine promises: the job, the setting, the result.

An engine turns jobs into traces. Given one `Setting` and some `Job`s it yields one `Result` a job, in any
order. A trace depends on its setting and its job alone: not on the other jobs, their order, threads or
workers.

One run, exactly (steps count from 0; iteration t means "after t updates"):

1. `make_row(setting, job)`: `torch.manual_seed(s); build()` with s = `job.stream_seed`; `init_std` redrawn
   from stream `init/<site>`; then the arm's norm, dropout and activation placed. Parameters in
   `setting.dtype`.
2. For t = 0 … budget: if t is in the evaluation grid, judge the cost (eval mode, training slice), and if it
   is in the held-out grid, judge everything held out. A cost that is not finite: the run has diverged at t
   and stops there; what would have been measured later is NaN. With `setting.stop_at`, a run whose cost has
   been at most that at two evaluations in a row stops there too, and has not diverged. Then, if t < budget,
   one update: batch = `batches(s, n, batch_size, budget)[t]`; forward in train mode with dropout from
   `noise(s, site, t, (batch, units))` while t < keep_until · budget; cost = mean over the batch; backward; on
   the decayed parameters gradient += l2 · w and (before the step) w *= 1 - lr_t · weight_decay; optimizer as
   in torch.optim with lr_t = lr · factor(t). A bias that feeds batch norm directly is never updated.
3. If t + 1 is in the reading grid, readings are taken inside update t, on its batch; those on request, which take
   passes of their own, before it, with nothing of the run changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hunch.data import Data
from hunch.engine.own_cost_name import OwnCost
from hunch.engine.streams import normals
from hunch.network import Layout, build_network, first_examples, layer_kind, place_arm, read_sites
from hunch.plan import ON_REQUEST, RECORDED, Arm, evaluation_grid, held_out_grid, reading_grid
from hunch.traces import RunKey, SiteFact, Trace

SLICE_SIZE = 512


@dataclass(frozen=True, eq=False)
class Setting:
    """What all runs of one stage share.

    Args:
        build: Makes the network.
        data: The data.
        cost: `cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `huber`, or the name of a cost of the
            user's own; inside of an engine that cost itself.
        budget: Updates of every run.
        sites: The sites, in execution order.
        metric: `"train"`, or `"held_out"`: then everything held out is judged on the whole evaluation grid.
        readings: Whether readings are taken.
        dtype: Number type of the parameters.
        answers: Whether the trace keeps which held-out examples were answered rightly at the end (labels
            only). Like `losses` it changes nothing else in the trace.
        losses: Whether the trace keeps what each held-out example cost at the end.
        on_request: Whether the readings on request are taken as well; they change nothing else in the trace.
        stop_at: A run may stop once the cost of `metric` has been at most this at two evaluations in a row;
            None: every run goes on to the budget.
    """

    build: Callable[[], nn.Module]
    data: Data
    cost: str | OwnCost
    budget: int
    sites: tuple[SiteFact, ...]
    metric: str = "train"
    readings: bool = True
    dtype: torch.dtype = torch.float32
    stop_at: float | None = None
    answers: bool = False
    losses: bool = False
    on_request: bool = False

    @property
    def eval_at(self) -> np.ndarray:
        """Iterations at which the cost is judged, int64."""
        return np.array(evaluation_grid(self.budget), dtype=np.int64)

    @property
    def held_at(self) -> np.ndarray:
        """Iterations at which everything held out is judged, int64."""
        grid = evaluation_grid if self.metric == "held_out" else held_out_grid
        return np.array(grid(self.budget), dtype=np.int64)

    @property
    def reading_at(self) -> np.ndarray:
        """Steps (1 = first update) at which readings are taken, int64; empty without readings."""
        return np.array(reading_grid(self.budget) if self.readings else (), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Job:
    """One run to be made.

    Args:
        key: Which run.
        arm: The arm, resolved; `key.lr` is the learning rate that holds.
        stream_seed: The seed of all its streams: `key.seed`, plus 10,000 · arm index when arms are not
            paired.
    """

    key: RunKey
    arm: Arm
    stream_seed: int


@dataclass(frozen=True, eq=False)
class Result:
    """What an engine yields for a job.

    Args:
        job: The job.
        trace: Its trace.
        state: The trained network's `state_dict`, on the CPU; None unless it was asked for.
    """

    job: Job
    trace: Trace
    state: dict[str, Tensor] | None = None


class Engine(Protocol):
    """What `choose` returns."""

    name: str

    def detail(self) -> str:
        """Kernels, instruction level, number type: what must be the same when a study is resumed."""
        ...

    def train(
        self, setting: Setting, jobs: Sequence[Job], *, keep_networks: bool = False
    ) -> Iterator[Result]:
        """Train all jobs, yielding each result as it is there, in any order.

        Closing the iterator (or Ctrl-C) stops the training; results that were yielded are complete.
        """
        ...


def make_row(setting: Setting, job: Job) -> nn.Module:
    """The network of a run before its first update, dropout as ordinary modules.

    Raises:
        NetworkError, PlacementError, UnsupportedError: If it cannot be built or the arm does not fit.
    """
    return finish_row(build_network(setting.build, job.stream_seed), setting, job)


def finish_row(built: nn.Module, setting: Setting, job: Job) -> nn.Module:
    """`make_row`, from the network that `build()` made at the job's seed; that one is not changed."""
    # `place_arm` copies, so that a build that hands out one network again and again never sees it change.
    network = place_arm(built, job.arm, inputs=first_examples(built, setting.data.x))
    if job.arm.init_std is not None:
        redraw(network, job.arm.init_std, job.stream_seed)
    return network.to(setting.dtype)


def redraw(network: nn.Module, std: float, seed: int) -> None:
    """Redraw every linear and convolution weight from N(0, std²) and set their biases to 0, in place.

    Transposed convolutions and GPT-2's `Conv1D` are among them; tables of embeddings are not.
    The draws behind it do not depend on `std`: arms that differ in it share them.
    """
    with torch.no_grad():
        for name, module in network.named_modules():
            if layer_kind(module) in ("linear", "conv"):
                weight, bias = module.weight, module.bias
                assert isinstance(weight, Tensor)
                draws = normals(seed, f"init/{name}", weight.numel())
                weight.copy_(torch.from_numpy(std * draws).reshape(weight.shape))
                if isinstance(bias, Tensor):
                    bias.zero_()


def training_slice(data: Data) -> np.ndarray:
    """Rows of the training part on which the cost is judged: 512 (all, if fewer), by the data alone.

    Returns:
        Sorted row numbers, int64 (min(n, 512),).
    """
    if data.n <= SLICE_SIZE:
        return np.arange(data.n, dtype=np.int64)
    rng = np.random.default_rng(int(data.hash[:16], 16))
    return np.sort(rng.permutation(data.n)[:SLICE_SIZE]).astype(np.int64)


def row_layout(network: nn.Module, setting: Setting) -> Layout:
    """The sites of a row, read with two of the setting's examples."""
    return read_sites(network, first_examples(network, setting.data.x))


def frozen_biases(layout: Layout) -> set[str]:
    """Names of biases that are never updated: a batch norm follows and cancels them, so their gradient is 0."""
    return {f"{s.name}.bias" for s in layout.sites if s.bias_feeds_batch_norm}


def is_whole(trace: Trace) -> bool:
    """Whether the run went on to its budget: neither diverged nor stopped at its target."""
    return trace.diverged_at is None and bool(np.isfinite(trace.cost[-1:]).all())


def empty_trace(setting: Setting, key: RunKey) -> Trace:
    """A trace with nothing measured yet: all NaN."""
    eval_at, held_at, reading_at = setting.eval_at, setting.held_at, setting.reading_at
    n_readings = len(RECORDED) + (len(ON_REQUEST) if setting.on_request else 0)

    def blank(*shape: int, dtype: type = np.float64) -> np.ndarray:
        return np.full(shape, np.nan, dtype=dtype)

    return Trace(
        key=key,
        eval_at=eval_at,
        cost=blank(len(eval_at)),
        held_at=held_at,
        held_cost=blank(len(held_at)),
        held_error=blank(len(held_at)),
        reading_at=reading_at,
        readings=blank(len(reading_at), n_readings, len(setting.sites), dtype=np.float32),
    )
