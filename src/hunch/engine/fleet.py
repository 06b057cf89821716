"""A fleet: runs of one structure, trained at once with `torch.func.vmap` over their stacked state."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, vmap

from hunch.engine.contract import Setting, empty_trace, is_whole, training_slice
from hunch.engine.costs import each_cost, example_records, held_error
from hunch.engine.fleet_dropout import FleetDropout, buffer_name, fleet_masks
from hunch.engine.fleet_layers import FleetLayers
from hunch.engine.fleet_optimizers import FleetOptimizer
from hunch.engine.fleet_readings import FleetRecorder
from hunch.engine.fleet_rows import Row, Stack
from hunch.engine.inputs import Inputs, answer, mapped, n_examples, take
from hunch.engine.loop import as_tensors
from hunch.engine.streams import batches
from hunch.plan import RECORDED, schedule_factors
from hunch.traces import Trace

_CHUNK = 512  # held-out examples judged at once: a fixed number, because it may change bits
_BEHIND = 1
_FEW = 0.75  # a fleet closes its ranks when fewer of its rows than this share are still training


class Fleet:
    """Rows of one structure, from before the first update to the last evaluation.

    Args:
        setting: What all runs share.
        rows: The runs; one that nobody reads is put behind them.
        device: Where it trains.
    """

    def __init__(
        self,
        setting: Setting,
        rows: Sequence[Row],
        device: str | torch.device = "cpu",
        *,
        keep_networks: bool = False,
    ) -> None:
        """Stack the rows and prepare the data."""
        self.keep_networks = keep_networks
        self.states: dict[int, dict[str, Tensor]] = {}
        self.setting, self.device = setting, torch.device(device)
        self.rows = list(rows)
        self.traces = [empty_trace(setting, row.job.key) for row in rows]
        self.diverged: list[int | None] = [None] * len(rows)
        # torch's loops end in elements that are computed one by one, and round differently there; a row behind the
        # last keeps the ends away from those that count, and a lone row from being a fleet of one.
        padded = [*self.rows, *[self.rows[0]] * _BEHIND]
        self.alive = list(range(len(padded)))  # position in the stack → number of the row
        self.stack = Stack(padded, device)
        self.network = padded[0].network.to(self.device)
        self.arms = [row.job.arm for row in padded]
        decays = self.stack.mask_of(rows[0].decayed)
        moves = 1 - self.stack.mask_of(rows[0].frozen)
        self.optimizer = FleetOptimizer(self.arms, decays, moves, self.stack.flat)
        self.dropouts = {n: m for n, m in self.network.named_modules() if isinstance(m, FleetDropout)}
        self.padded = padded
        arm = rows[0].job.arm
        assert arm.batch_size is not None
        budget = setting.budget
        data = setting.data
        self.x, self.y = as_tensors(data.x, data.y, setting, self.device)
        self.x_held, self.y_held = as_tensors(data.x_held, data.y_held, setting, self.device)
        part = torch.from_numpy(training_slice(data)).to(self.device)
        self.x_slice, self.y_slice = take(self.x, part), self.y[part]
        orders = {row.job.stream_seed: None for row in padded}
        for seed in orders:
            orders[seed] = batches(seed, data.n, arm.batch_size, budget)  # type: ignore[assignment]
        self.order = torch.from_numpy(
            np.stack([orders[row.job.stream_seed] for row in padded], axis=1)  # type: ignore[arg-type]
        ).to(self.device)
        self.factors = [schedule_factors(a.schedule or "constant", budget) for a in self.arms]
        self.hits = [0] * len(padded)
        self.shapes: dict[tuple[str, int], tuple[int, ...]] = {}

    # ---- the whole training

    def train(self) -> None:
        """Train to the budget, writing what is measured into the traces."""
        setting = self.setting
        eval_index = {int(t): k for k, t in enumerate(setting.eval_at)}
        held_index = {int(t): k for k, t in enumerate(setting.held_at)}
        reading_at = {int(t): k for k, t in enumerate(setting.reading_at)}
        for t in range(setting.budget + 1):
            if t in eval_index:
                self._judge(t, eval_index[t], held_index.get(t))
                if not self._close_ranks(last=t == setting.budget):
                    return
            if t == setting.budget:
                return
            self.step(t, reading_at.get(t + 1))

    def step(self, t: int, reading: int | None = None) -> None:
        """One update of every row; readings go to place `reading` of the traces."""
        setting, stack = self.setting, self.stack
        order = self.order[t]
        x, y = take(self.x, order), self.y[order]
        self.network.train()
        buffers = {**stack.buffers, **self._masks(t, x)}
        recorder = None
        if reading is not None:
            recorder = FleetRecorder(self.network, self.rows[0].layout, tuple(s.name for s in setting.sites))
        out, seen = self._forward(stack.parameters, buffers, x, recorder)
        each = each_cost(setting.cost, out.flatten(0, 1), y.flatten(0, 1)).reshape(len(order), -1)
        total = each.mean(dim=1).sum()
        leaves = list(stack.parameters.values())
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
        if recorder is not None:
            recorder.before(stack, gradients, seen)
        if t == 0:
            unused = {n for n, g in zip(stack.names, gradients, strict=True) if g is None}
            if unused:  # torch.optim leaves out what has no gradient
                self.optimizer.moves = self.optimizer.moves * (1 - stack.mask_of(unused))
                self.optimizer.all_move = False
        flat = stack.gathered(gradients)
        rates = [self.padded[r].job.key.lr * self.factors[r][t] for r in self.alive]
        self.optimizer.step(stack.flat, flat, rates)
        if recorder is not None:
            for position, row in enumerate(self.alive):
                if row < len(self.traces):
                    self.traces[row].readings[reading, : len(RECORDED)] = recorder.values(stack, position)

    def _forward(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Inputs, recorder: Any = None
    ) -> tuple[Tensor, Any]:
        names, tensors = list(x) if isinstance(x, dict) else None, _listed(x)
        for dropout in self.dropouts.values():
            dropout.n_calls = 0

        def one(p: dict[str, Tensor], b: dict[str, Tensor], *inputs: Tensor) -> Any:
            state = {**p, **b, **self.stack.shared}
            kwargs = dict(zip(names, inputs, strict=True)) if names is not None else {}
            if recorder is None:
                with FleetLayers():
                    return answer(functional_call(self.network, state, () if names else inputs, kwargs)), ()
            with recorder, FleetLayers():
                out = answer(functional_call(self.network, state, () if names else inputs, kwargs))
            return out, tuple(recorder.seen)

        dims = (0, dict.fromkeys(buffers, 0), *[0] * len(tensors))
        return vmap(one, in_dims=(dict.fromkeys(parameters, 0), *dims[1:]), randomness="error")(
            parameters, buffers, *tensors
        )

    def _masks(self, t: int, x: Inputs) -> dict[str, Tensor]:
        if not self.dropouts:
            return {}
        if not self.shapes:
            self._learn_shapes(take(x, 0))
        made: dict[str, Tensor] = {}
        seeds = [self.padded[r].job.stream_seed for r in self.alive]
        is_on = [t < (self.padded[r].job.arm.keep_until or 1.0) * self.setting.budget for r in self.alive]
        for name, module in self.dropouts.items():
            module.is_on = any(is_on)
            keeps = [
                self.padded[r].keeps[name] if on else 1.0 for r, on in zip(self.alive, is_on, strict=True)
            ]
            for k, site in enumerate(module.sites):
                if module.is_on and (name, k) in self.shapes:
                    drawn = fleet_masks(
                        module.kind, seeds, keeps, site, t, self.shapes[name, k], self.setting.dtype
                    )
                    made[f"{name}.{buffer_name(k)}"] = drawn.to(self.device)
        return made

    def _learn_shapes(self, x: Inputs) -> None:
        """Pass one row's batch through its network, to see what each dropout drops from."""
        for module in self.dropouts.values():
            module.is_learning, module.shapes = True, []
        state = {n: p[0].detach() for n, p in self.stack.parameters.items()}
        state |= {n: b[0].clone() for n, b in self.stack.buffers.items()}
        state |= {n: b.clone() for n, b in self.stack.shared.items()}  # a forward may work on them in place
        names = list(x) if isinstance(x, dict) else None
        with torch.no_grad():
            functional_call(
                self.network, state, () if names else tuple(_listed(x)), x if isinstance(x, dict) else {}
            )
        for name, module in self.dropouts.items():
            module.is_learning = False
            self.shapes |= {(name, k): shape for k, shape in enumerate(module.shapes)}

    # ---- judging

    @torch.no_grad()
    def outputs(self, x: Inputs) -> Tensor:
        """What all rows give in eval mode, shape (rows, examples, outputs)."""
        self.network.eval()
        n, parts = n_examples(x), []
        for start in range(0, n, _CHUNK):
            some = take(x, slice(start, start + _CHUNK))
            # Every row gets its own view: unbatched inputs would make one matrix product of all rows, whose rounding
            # depends on how many they are.
            wide = mapped(some, lambda t: t.expand(len(self.alive), *t.shape))
            detached = {n: p.detach() for n, p in self.stack.parameters.items()}
            parts.append(self._forward(detached, self.stack.buffers, wide)[0])
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def _judge(self, t: int, at: int, held: int | None) -> None:
        setting = self.setting
        costs = judged = self._costs(self.outputs(self.x_slice), self.y_slice)
        held_out = None if held is None else self.outputs(self.x_held)
        held_costs = costs if held_out is None else self._costs(held_out, self.y_held)
        if held_out is not None and setting.metric == "held_out":
            judged = held_costs
        for position, row in enumerate(self.alive):
            if row >= len(self.traces) or self.diverged[row] is not None:
                continue
            if self.hits[row] >= 2:
                continue
            if not np.isfinite(costs[position]):
                self.diverged[row] = t
                self._part(position, row)
                continue
            self.traces[row].cost[at] = costs[position]
            if held is not None and held_out is not None:
                self.traces[row].held_cost[held] = held_costs[position]
                self.traces[row].held_error[held] = held_error(
                    held_out[position], self.y_held, setting.cost, setting.data.y_scale
                )
            is_low = setting.stop_at is not None and judged[position] <= setting.stop_at
            self.hits[row] = self.hits[row] + 1 if is_low else 0
            if self.hits[row] >= 2:
                self._part(position, row)

    def _part(self, position: int, row: int) -> None:
        """A row is over: keep its state, for what it does from now on is no part of it."""
        if self.keep_networks:
            self.states[row] = self.stack.state(position, self.rows[row].network)

    def _costs(self, outputs: Tensor, y: Tensor) -> list[float]:
        each = each_cost(self.setting.cost, outputs.flatten(0, 1), _repeated(y, len(outputs)))
        return each.reshape(len(outputs), -1).mean(dim=1).tolist()

    def _is_over(self, row: int) -> bool:
        return self.diverged[row] is not None or self.hits[row] >= 2

    def _close_ranks(self, *, last: bool) -> bool:
        """Take the rows out that are over, once they are many; False when none is left."""
        n = len(self.traces)
        going = [position for position, row in enumerate(self.alive) if row < n and not self._is_over(row)]
        if not going:
            return False
        if last or len(going) > _FEW * (len(self.alive) - _BEHIND):
            return True
        going += [position for position, row in enumerate(self.alive) if row >= n]
        chosen = torch.tensor(going, device=self.device)
        self.stack.keep(chosen)
        self.optimizer.keep(chosen)
        self.order = self.order[:, chosen]
        self.alive = [self.alive[p] for p in going]
        return True

    # ---- what comes out

    def results(self, started: float) -> list[tuple[Trace, dict[str, Tensor] | None]]:
        """The trace and, if wanted, the state of every row, in their order."""
        setting = self.setting
        wall = (time.perf_counter() - started) / len(self.traces)
        done: list[tuple[Trace, dict[str, Tensor] | None]] = []
        at = {row: position for position, row in enumerate(self.alive)}
        needs_outputs = (setting.answers or setting.losses) and any(
            d is None and is_whole(t) for d, t in zip(self.diverged, self.traces, strict=True)
        )
        held_out = self.outputs(self.x_held) if needs_outputs else None
        for row, trace in enumerate(self.traces):
            trace = replace(trace, diverged_at=self.diverged[row], wall_s=wall)
            if held_out is not None and is_whole(trace):
                records = example_records(
                    held_out[at[row]].cpu(),
                    self.y_held.cpu(),
                    setting.cost,
                    answers=setting.answers,
                    losses=setting.losses,
                )
                trace = replace(trace, **records)
            if self.keep_networks and row not in self.states:
                self.states[row] = self.stack.state(at[row], self.rows[row].network)
            done.append((trace, self.states.get(row)))
        return done


def _listed(x: Inputs) -> list[Tensor]:
    if isinstance(x, dict):
        return list(x.values())
    return list(x) if isinstance(x, tuple) else [x]


def _repeated(y: Tensor, times: int) -> Tensor:
    return y.expand(times, *y.shape).flatten(0, 1)
