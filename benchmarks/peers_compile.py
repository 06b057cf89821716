"""Peer (c): `torch.compile` of a whole hand-fused step over rows: batched products, the rest fused around them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.fleet import Batches, random_bytes, threshold
from benchmarks.workloads import Workload
from hunch.data import Data


class Compiled:
    """A fleet of rows; one compiled function is the whole step, batch norm's memory and optimizer included."""

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        torch.set_flush_denormal(True)
        self.work, self.n_rows = work, rows
        self.x, self.y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        self.batches = Batches(work, data, rows, first_seed)
        networks = [work.initial(first_seed + k) for k in range(rows)]
        self.weights: list[
            Tensor
        ] = []  # for each layer weight (rows, in, out), bias, [gamma, beta] (rows, 1, out)
        self.running: list[Tensor] = []
        for k, module in enumerate(networks[0]):
            same = [network[k] for network in networks]
            if isinstance(module, nn.Linear):
                self.weights.append(torch.stack([m.weight.detach().t() for m in same]).contiguous())
                self.weights.append(torch.stack([m.bias.detach() for m in same]).unsqueeze(1))
            elif isinstance(module, nn.BatchNorm1d):
                for name in ("weight", "bias"):
                    self.weights.append(torch.stack([getattr(m, name).detach() for m in same]).unsqueeze(1))
                for name in ("running_mean", "running_var"):
                    self.running.append(torch.stack([getattr(m, name).clone() for m in same]).unsqueeze(1))
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]
        self.powers = torch.ones(2)  # Adam: beta1^t and beta2^t
        self.shapes = [(rows, work.batch, n) for n in work.widths[1:-1]] if work.keep < 1 else []
        torch._dynamo.config.cache_size_limit = 64
        self.step: Callable[..., None] = torch.compile(self._step, fullgraph=True, dynamic=False)

    def _cost(
        self, weights: list[Tensor], x: Tensor, y: Tensor, noise: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        work = self.work
        left = iter(weights)
        statistics: list[Tensor] = []
        h = x
        n_layers = len(work.widths) - 1
        for layer in range(n_layers):
            weight, bias = next(left), next(left)
            h = torch.baddbmm(bias, h, weight)
            if layer == n_layers - 1:
                break
            if work.has_norm:
                variance, mean = torch.var_mean(h, dim=1, keepdim=True, unbiased=False)
                h = (h - mean) * torch.rsqrt(variance + 1e-5) * next(left) + next(left)
                statistics += [mean.detach(), variance.detach()]
            h = torch.sigmoid(h) if work.activation == "sigmoid" else torch.relu(h)
            if work.keep < 1:
                keep = threshold(work)
                h = h * torch.where(noise[layer] < keep, 256 / keep, 0.0)
        cost = F.cross_entropy(h.flatten(0, 1), y.flatten(), reduction="sum") / work.batch
        return cost, statistics

    def _step(self, chosen: Tensor, noise: list[Tensor]) -> None:
        work = self.work
        x, y = self.x[chosen], self.y[chosen]
        gradients, statistics = torch.func.grad(self._cost, has_aux=True)(self.weights, x, y, noise)
        unbiased = work.batch / (work.batch - 1)
        for k, (old, new) in enumerate(zip(self.running, statistics, strict=True)):
            old.lerp_(new * unbiased if k % 2 else new, 0.1)
        if work.optimizer == "adam":
            self.powers.mul_(torch.tensor([0.9, 0.999]))
            rate, root = work.lr / (1 - self.powers[0]), 1 / torch.sqrt(1 - self.powers[1])
        for w, m, v, g in zip(self.weights, self.first, self.second, gradients, strict=True):
            if work.optimizer == "adam":
                m.lerp_(g, 0.1)
                v.mul_(0.999).add_(0.001 * g * g)
                w.sub_(rate * m / (v.sqrt() * root + 1e-8))
            elif work.optimizer == "momentum":
                m.mul_(0.9).add_(g)
                w.sub_(work.lr * m)
            else:
                w.sub_(work.lr * g)

    def run(self, steps: int) -> None:
        """Train the fleet for so many steps."""
        with torch.no_grad():
            for _ in range(steps):
                self.step(self.batches.next(), [random_bytes(shape) for shape in self.shapes])

    def networks(self) -> list[nn.Module]:
        """The networks as they stand."""
        out: list[nn.Module] = []
        for row in range(self.n_rows):
            network = self.work.network()
            weights, running = iter(self.weights), iter(self.running)
            with torch.no_grad():
                for module in network:
                    if isinstance(module, nn.Linear):
                        module.weight.copy_(next(weights)[row].t())
                        module.bias.copy_(next(weights)[row, 0])
                    elif isinstance(module, nn.BatchNorm1d):
                        for tensor, source in (
                            (module.weight, weights), (module.bias, weights),
                            (module.running_mean, running), (module.running_var, running),
                        ):  # fmt: skip
                            assert tensor is not None
                            tensor.copy_(next(source)[row, 0])
            out.append(network)
        return out
