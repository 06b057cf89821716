"""Peer (d): JAX, `jit(vmap(scan))`: a row's steps in a scan, rows under vmap, the whole compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.workloads import ORDER_STEPS, Workload, orders
from hunch.data import Data


class Jax:
    """A fleet of rows in JAX. Masks come from 8-bit draws of its default generator: `rbg` was slower under vmap."""

    generator = "threefry2x32"

    def __init__(self, work: Workload, data: Data, rows: int, first_seed: int) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_default_prng_impl", self.generator)
        self.jax, self.work, self.n_rows, self.at = jax, work, rows, 0
        self.x, self.y = jnp.asarray(data.x), jnp.asarray(data.y.astype(np.int32))
        drawn = orders(data.n, work.batch, range(first_seed, first_seed + rows))
        self.order = np.ascontiguousarray(drawn.transpose(1, 0, 2).astype(np.int32))  # (rows, steps, batch)
        layers = [_layers(work.initial(first_seed + k)) for k in range(rows)]
        weights, running = (
            jax.tree.map(lambda *a: jnp.stack(a), *part) for part in zip(*layers, strict=True)
        )
        zeros = jax.tree.map(jnp.zeros_like, weights)
        keys = jax.random.split(jax.random.key(first_seed), rows)
        step = jnp.zeros(rows, jnp.int32)
        self.state = (weights, running, zeros, jax.tree.map(jnp.copy, zeros), keys, step)
        many = jax.vmap(self._steps, in_axes=(0, 0, None, None))
        self.steps = jax.jit(many, donate_argnums=0)

    def _steps(self, state: Any, order: Any, x: Any, y: Any) -> Any:
        def body(carry: Any, chosen: Any) -> Any:
            return self._step(carry, x[chosen], y[chosen]), None

        return self.jax.lax.scan(body, state, order)[0]

    def _cost(self, weights: Any, x: Any, y: Any, key: Any) -> Any:
        jax, work = self.jax, self.work
        jnp = jax.numpy
        statistics, h, keep, at = [], x, round(256 * work.keep), 0
        if work.keep < 1:
            noise = jax.random.bits(key, (work.batch, sum(work.widths[1:-1])), jnp.uint8)
        for k, layer in enumerate(weights):
            h = h @ layer["weight"] + layer["bias"]
            if k == len(weights) - 1:
                break
            if work.has_norm:
                mean, variance = h.mean(0), h.var(0)
                h = (h - mean) * jax.lax.rsqrt(variance + 1e-5) * layer["gamma"] + layer["beta"]
                statistics.append((mean, variance))
            h = jax.nn.sigmoid(h) if work.activation == "sigmoid" else jax.nn.relu(h)
            if work.keep < 1:
                h = h * jnp.where(noise[:, at : at + h.shape[1]] < keep, 256 / keep, 0.0)
                at += h.shape[1]
        own_class = jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1)
        return -own_class.mean(), statistics

    def _step(self, state: Any, x: Any, y: Any) -> Any:
        jax, work = self.jax, self.work
        weights, running, first, second, key, step = state
        if work.keep < 1:
            key, own = jax.random.split(key)
        else:
            own = key
        g, statistics = jax.grad(self._cost, has_aux=True)(weights, x, y, own)
        unbiased = work.batch / (work.batch - 1)
        running = [
            (0.9 * a + 0.1 * mean, 0.9 * b + 0.1 * unbiased * variance)
            for (a, b), (mean, variance) in zip(running, statistics, strict=True)
        ]
        step = step + 1
        if work.optimizer == "adam":
            rate = work.lr / (1 - 0.9**step)
            root = jax.lax.rsqrt(1 - 0.999**step)
            first = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, first, g)
            second = jax.tree.map(lambda v, d: 0.999 * v + 0.001 * d * d, second, g)
            weights = jax.tree.map(
                lambda w, m, v: w - rate * m / (jax.numpy.sqrt(v) * root + 1e-8), weights, first, second
            )
        elif work.optimizer == "momentum":
            first = jax.tree.map(lambda m, d: 0.9 * m + d, first, g)
            weights = jax.tree.map(lambda w, m: w - work.lr * m, weights, first)
        else:
            weights = jax.tree.map(lambda w, d: w - work.lr * d, weights, g)
        return weights, running, first, second, key, step

    def run(self, steps: int) -> None:
        """Train the fleet for so many steps; a call makes `work.chunk` of them."""
        chunk = self.work.chunk
        for _ in range(steps // chunk):
            from_step = self.at % ORDER_STEPS
            chosen = self.order[:, from_step : from_step + chunk]
            self.state = self.steps(self.state, chosen, self.x, self.y)
            self.at += chunk
        self.jax.block_until_ready(self.state)

    def networks(self) -> list[nn.Module]:
        """The networks as they stand."""
        weights, running = self.jax.tree.map(np.asarray, self.state[:2])
        out: list[nn.Module] = []
        for row in range(self.n_rows):
            network = self.work.network()
            linear = [m for m in network if isinstance(m, nn.Linear)]
            norms = [m for m in network if isinstance(m, nn.BatchNorm1d)]
            with torch.no_grad():
                for module, layer in zip(linear, weights, strict=True):
                    module.weight.copy_(_tensor(layer["weight"][row].T))
                    module.bias.copy_(_tensor(layer["bias"][row]))
                for module, layer, (mean, variance) in zip(norms, weights, running, strict=False):
                    assert module.running_mean is not None and module.running_var is not None
                    module.weight.copy_(_tensor(layer["gamma"][row]))
                    module.bias.copy_(_tensor(layer["beta"][row]))
                    module.running_mean.copy_(_tensor(mean[row]))
                    module.running_var.copy_(_tensor(variance[row]))
            out.append(network)
        return out


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def _layers(
    network: nn.Sequential,
) -> tuple[list[dict[str, np.ndarray]], list[tuple[np.ndarray, np.ndarray]]]:
    """Weights and running statistics, as JAX takes them."""
    weights: list[dict[str, np.ndarray]] = []
    running: list[tuple[np.ndarray, np.ndarray]] = []
    for module in network:
        if isinstance(module, nn.Linear):
            weights.append(
                {"weight": module.weight.detach().numpy().T.copy(), "bias": module.bias.detach().numpy()}
            )
        elif isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None and module.running_var is not None
            weights[-1] |= {"gamma": module.weight.detach().numpy(), "beta": module.bias.detach().numpy()}
            running.append((module.running_mean.numpy(), module.running_var.numpy()))
    return weights, running
