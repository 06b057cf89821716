"""The rows of a fleet: which networks can share one, and their state stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from hunch.engine.contract import Job, Setting, frozen_biases, make_row, row_layout
from hunch.engine.fleet_dropout import FleetDropout
from hunch.engine.masks import dropout_modules, seed_dropouts
from hunch.network import Layout, decayed_parameters, seeded

_LINE = 16  # floats of a cache line
_PLAIN = (int, float, str, bool, type(None), tuple)


@dataclass(eq=False)
class Row:
    """One run before its first update.

    Args:
        job: The run.
        network: Its network, its dropout modules made `FleetDropout`s.
        layout: What it is read as.
        keeps: Keep probability of each call of each dropout module, by the module's name.
        decayed: Names of the parameters that decay.
        frozen: Names of the parameters that are never updated.
    """

    job: Job
    network: nn.Module
    layout: Layout
    keeps: dict[str, float]
    decayed: set[str]
    frozen: set[str]

    @property
    def structure(self) -> Any:
        """Rows with the same structure can share a fleet: what is called is the same, whatever the numbers are."""
        arm = self.job.arm
        return (
            tuple(_told(name, module) for name, module in self.network.named_modules()),
            tuple((name, tuple(p.shape), p.requires_grad) for name, p in self.network.named_parameters()),
            tuple((name, tuple(b.shape)) for name, b in self.network.named_buffers()),
            frozenset(self.frozen),
            frozenset(self.decayed),
            (arm.is_adaptive, bool(arm.nesterov), arm.batch_size),
        )


def fleet_row(setting: Setting, job: Job) -> Row:
    """Make a run's network ready for a fleet.

    Raises:
        HunchError: As `make_row` does.
    """
    network = make_row(setting, job)
    layout = row_layout(network, setting)
    if layout.how != "chain":
        with seeded(job.stream_seed):
            network = dropout_modules(network, layout)
            layout = row_layout(network, setting)
    decayed = decayed_parameters(network, decay_norm=bool(job.arm.decay_norm))
    keeps: dict[str, float] = {}
    for module in seed_dropouts(network, job.stream_seed, layout):
        new = FleetDropout(module).train(module.training)
        for path, parent in network.named_modules():
            for key, child in parent._modules.items():
                if child is module:
                    parent._modules[key] = new
                    keeps[f"{path}.{key}" if path else key] = module.keep_prob
    names = {name for name, _ in network.named_modules()}
    return Row(
        job,
        network,
        layout,
        {name: keep for name, keep in keeps.items() if name in names},
        decayed,
        frozen_biases(layout),
    )


class Stack:
    """The state of all rows, stacked along a first axis.

    Args:
        rows: At least two, of one structure.
        device: Where the state shall be.
    """

    def __init__(self, rows: Sequence[Row], device: str | torch.device = "cpu") -> None:
        """Stack; parameters are views of one flat array, so that an optimizer's step is a few calls."""
        first = rows[0].network
        named = [dict(row.network.named_parameters()) for row in rows]
        self.names = [name for name, p in first.named_parameters() if p.requires_grad]
        self.shapes = {name: tuple(named[0][name].shape) for name in self.names}
        self.at: dict[str, int] = {}
        n = 0
        for name in self.names:  # each at a multiple of a cache line, so that every row is aligned alike
            self.at[name] = n
            n += -(-named[0][name].numel() // _LINE) * _LINE
        self.flat = torch.zeros(len(rows), n, dtype=named[0][self.names[0]].dtype, device=device)
        self.buffers: dict[str, Tensor] = {}
        self.shared: dict[str, Tensor] = {}
        for name, p in first.named_parameters():
            if not p.requires_grad:
                self.buffers[name] = torch.stack([each[name].detach() for each in named]).to(device)
        of_norms = {f"{n}." if n else "" for n, m in first.named_modules() if isinstance(m, BatchNorm)}
        buffers = [dict(row.network.named_buffers()) for row in rows]
        for name, buffer in first.named_buffers():
            if buffer is None or _is_mask(first, name):
                continue
            each = [b[name] for b in buffers]
            is_norms = name[: len(name) - len(name.rpartition(".")[2])] in of_norms
            if not is_norms and all(torch.equal(buffer, other) for other in each[1:]):
                self.shared[name] = buffer.to(device)
            else:
                self.buffers[name] = torch.stack(each).to(device)
        self._view()
        for r, each in enumerate(named):
            for name in self.names:
                self.parameters[name].data[r] = each[name].detach()

    def _view(self) -> None:
        self.parameters: dict[str, Tensor] = {}
        for name in self.names:
            at, size = self.at[name], int(torch.Size(self.shapes[name]).numel())
            view = self.flat[:, at : at + size].view(len(self.flat), *self.shapes[name])
            self.parameters[name] = view.detach().requires_grad_()

    def mask_of(self, wanted: set[str]) -> Tensor:
        """Ones at the numbers of the parameters of those names, zeros elsewhere; shape (numbers,)."""
        mask = torch.zeros_like(self.flat[0])
        for name in wanted & set(self.names):
            at = self.at[name]
            mask[at : at + int(torch.Size(self.shapes[name]).numel())] = 1
        return mask

    def gathered(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """The gradients of the parameters, in their order, as one flat array like the parameters'."""
        flat = torch.zeros_like(self.flat)
        for name, gradient in zip(self.names, gradients, strict=True):
            if gradient is not None:
                at, size = self.at[name], int(torch.Size(self.shapes[name]).numel())
                flat[:, at : at + size] = gradient.reshape(len(flat), -1)
        return flat

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self.flat = self.flat[rows].contiguous()
        self.buffers = {name: b[rows].contiguous() for name, b in self.buffers.items()}
        self._view()

    def state(self, row: int, like: nn.Module) -> dict[str, Tensor]:
        """One row's `state_dict`, on the CPU, in the order of its network's."""
        have = {
            **{n: p[row] for n, p in self.parameters.items()},
            **{n: b[row] for n, b in self.buffers.items()},
        }
        have = {**have, **self.shared}
        tied = _tied(like)
        return {
            name: have[tied.get(name, name)].detach().cpu().clone()
            for name in like.state_dict(keep_vars=True)
        }


def _tied(network: nn.Module) -> dict[str, str]:
    """Other names of one parameter → the name it is kept under."""
    first: dict[int, str] = {}
    other: dict[str, str] = {}
    for name, tensor in (
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    ):
        other[name] = first.setdefault(id(tensor), name)
    return other


def _is_mask(network: nn.Module, name: str) -> bool:
    path, _, _ = name.rpartition(".")
    return isinstance(network.get_submodule(path), FleetDropout)


def _told(name: str, module: nn.Module) -> tuple[Any, ...]:
    settings = tuple(
        sorted((k, v) for k, v in vars(module).items() if isinstance(v, _PLAIN) and k not in ("training",))
    )
    return (name, type(module).__module__, type(module).__qualname__, repr(settings))
