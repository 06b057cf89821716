"""Peer (b): `torch.func.vmap` of `functional_call`, with a flat optimizer over stacked rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F  # noqa: N812

from benchmarks.fleet import Batches, random_bytes, threshold
from benchmarks.workloads import Workload
from hunch.data import Data


class _Masked(nn.Module):
    """Dropout whose mask comes from outside, as a buffer: vmap's own random operations are much slower."""

    mask: Tensor

    def __init__(self, batch: int, units: int) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(batch, units))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask


class Vmap:
    """A fleet of rows under vmap."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        torch.set_flush_denormal(True)
        self.work, self.n_rows = work, rows
        self.x, self.y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        self.batches = Batches(work, data, rows, first_seed)
        networks = [work.initial(first_seed + k) for k in range(rows)]
        self.names = [name for name, _ in networks[0].named_parameters()]
        self.shapes = [p.shape for p in networks[0].parameters()]
        self.sizes = [p.numel() for p in networks[0].parameters()]
        flat = [torch.cat([p.detach().reshape(-1) for p in network.parameters()]) for network in networks]
        self.flat = torch.stack(flat)  # (rows, parameters)
        self.first, self.second, self.steps = torch.zeros_like(self.flat), torch.zeros_like(self.flat), 0
        self.buffers = {
            name: torch.stack([dict(network.named_buffers())[name].clone() for network in networks])
            for name, _ in networks[0].named_buffers()
        }
        self.masks = []
        self.base = work.network().train()
        units = 0
        for k, module in enumerate(self.base):
            if isinstance(module, nn.Linear):
                units = module.out_features
            elif isinstance(module, nn.Dropout):
                self.base[k] = _Masked(work.batch, units)
                self.masks.append((f"{k}.mask", (rows, work.batch, units)))
        self.gradient = vmap(grad(self._cost))

    def _cost(self, flat: Tensor, buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        parts = flat.split(self.sizes)
        parameters = {n: p.view(s) for n, p, s in zip(self.names, parts, self.shapes, strict=True)}
        return F.cross_entropy(functional_call(self.base, (parameters, buffers), (x,)), y)

    def run(self, steps: int) -> None:
        """Train the fleet for so many steps."""
        keep = threshold(self.work)
        for _ in range(steps):
            for name, shape in self.masks:
                self.buffers[name] = (random_bytes(shape) < keep).float().mul_(256 / keep)
            chosen = self.batches.next()
            self._update(self.gradient(self.flat, self.buffers, self.x[chosen], self.y[chosen]))

    def _update(self, g: Tensor) -> None:
        w, lr = self.flat, self.work.lr
        if self.work.optimizer == "adam":
            self.steps += 1
            self.first.lerp_(g, 0.1)
            self.second.mul_(0.999).addcmul_(g, g, value=0.001)
            root = self.second.sqrt().div_((1 - 0.999**self.steps) ** 0.5).add_(1e-8)
            w.addcdiv_(self.first, root, value=-lr / (1 - 0.9**self.steps))
        elif self.work.optimizer == "momentum":
            self.first.mul_(0.9).add_(g)
            w.add_(self.first, alpha=-lr)
        else:
            w.add_(g, alpha=-lr)

    def networks(self) -> list[nn.Module]:
        """The networks as they stand."""
        out: list[nn.Module] = []
        for row in range(self.n_rows):
            parts = self.flat[row].split(self.sizes)
            state = {n: p.view(s) for n, p, s in zip(self.names, parts, self.shapes, strict=True)}
            state.update({n: b[row] for n, b in self.buffers.items() if not n.endswith(".mask")})
            network = self.work.network()
            network.load_state_dict(state)
            out.append(network)
        return out
