"""A network as the native engine takes it: plain numbers for each layer, tensors in a fixed order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hunch.data import Data
from hunch.engine.contract import Job, Setting
from hunch.engine.streams import exact_parts, keep_threshold, realised_keep, stream_key
from hunch.errors import HunchError, UnsupportedError
from hunch.network import INPUT, activation_name, decayed_parameters, keep_of, kind_of, oddity, read_chain

# The numbers of native/task.h.
_ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus",
)  # fmt: skip
_NORMS = {nn.BatchNorm1d: 1, nn.LayerNorm: 2, nn.RMSNorm: 3, nn.GroupNorm: 4}
_DROPOUTS = {"bernoulli": 1, "gaussian": 2, "exact": 3}
_NO_CHAIN = re.compile(r"; so far|, which does not fit|[.,;] So far|, so its layers")
_NO_SHIFT, _BETA, _BIAS = range(3)


@dataclass(frozen=True, eq=False)
class NativeLayers:
    """The layers of one row.

    Args:
        inputs: Dropout of the inputs, as the extension takes it.
        specs: One dict a layer, as the extension takes them.
        tensors: The network's own tensors in the extension's order: for each layer weight, bias, norm weight,
            norm bias, running mean, running variance, those that exist.
        shape: What the memory of a row depends on; hashable.
    """

    inputs: dict[str, Any]
    specs: list[dict[str, Any]]
    tensors: list[Tensor]
    shape: tuple[Any, ...]


def native_declines(network: nn.Module, data: Data) -> str | None:
    """Why the native engine cannot train this network on these data, in words; None if it can.

    Args:
        network: The network as built; arms only ever put in what the engine knows.
        data: The data.

    Example:
        >>> from hunch.network import mlp
        >>> from types import SimpleNamespace
        >>> import numpy as np
        >>> native_declines(mlp([4, 3, 2])(), SimpleNamespace(x=np.zeros((5, 4))))
    """
    if data.x.dtype.names is not None:
        return "the data are several inputs, or inputs by name; it takes one array"
    try:
        chain = read_chain(network)
        odd = oddity(network)
        if odd is not None:
            return f"{odd}, which only PyTorch trains rightly"
        if data.x.ndim != 2 and not chain.flattens:
            return f"inputs of shape {data.x.shape[1:]} reach a linear layer without nn.Flatten"
        decays = decayed_parameters(network)
        _dropout(chain.input_dropout, INPUT, chain.blocks[0].linear.in_features)
        for block in chain.blocks:
            _spec(block, network, decays, None, {})
    except UnsupportedError as error:
        if error.slug == "network-not-a-chain":  # said without the advice to write it as a chain
            return f"{_NO_CHAIN.split(error.problems[0].message)[0]}; it trains chains of linear layers only"
        return error.problems[0].message
    except HunchError as error:
        return error.problems[0].message
    return None


def native_layers(network: nn.Module, job: Job, setting: Setting) -> NativeLayers:
    """The layers of a row that `make_row` made.

    Raises:
        UnsupportedError: If some module does not fit; the text names it.
    """
    sites = {s.name: k for k, s in enumerate(setting.sites)}
    decays = decayed_parameters(network, decay_norm=bool(job.arm.decay_norm))
    specs: list[dict[str, Any]] = []
    tensors: list[Tensor] = []
    chain = read_chain(network)
    inputs = _dropout(chain.input_dropout, INPUT, chain.blocks[0].linear.in_features)
    for block in chain.blocks:
        spec, own = _spec(block, network, decays, job, sites)
        specs.append(spec)
        tensors += own
    layers = ((s["n_in"], s["n_out"], s["norm"], s["norm_after"], s["dropout"]) for s in specs)
    return NativeLayers(inputs, specs, tensors, (inputs["dropout"], *layers))


def _spec(
    block: Any, network: nn.Module, decays: set[str], job: Job | None, sites: dict[str, int]
) -> tuple[dict[str, Any], list[Tensor]]:
    linear = block.linear
    n_out = linear.out_features
    norm = block.norm.module if block.norm else None
    if norm is not None:
        _check_norm(block.norm.name, norm, n_out)
    gamma, beta = getattr(norm, "weight", None), getattr(norm, "bias", None)
    norm_name = block.norm.name if block.norm else ""

    def parameter(tensor: Tensor | None, name: str, *, frozen: bool = False) -> tuple[bool, bool, bool]:
        exists = tensor is not None
        return exists, exists and tensor.requires_grad and not frozen, name in decays

    shift = _BIAS if linear.bias is not None else _NO_SHIFT
    if norm is not None and block.norm_before:
        if beta is not None:
            shift = _BETA
        elif block.bias_feeds_batch_norm:
            shift = _NO_SHIFT
    name = "identity"
    if block.activation is not None:
        name = activation_name(block.activation.module) or "identity"
    spec: dict[str, Any] = {
        "n_in": linear.in_features,
        "n_out": n_out,
        "norm": next((number for kind, number in _NORMS.items() if isinstance(norm, kind)), 0),
        "norm_after": int(norm is not None and not block.norm_before),
        "groups": getattr(norm, "num_groups", 1),
        "norm_eps": _eps(norm, linear.weight.dtype),
        "norm_momentum": getattr(norm, "momentum", 0.0) or 0.0,
        "activation": _ACTIVATIONS.index(name),
        "site": sites.get(block.site, -1),
        "reads_activation": int(block.is_hidden and block.activation is not None),
        "shift": shift,
        "weight": parameter(linear.weight, f"{block.site}.weight"),
        "bias": parameter(linear.bias, f"{block.site}.bias", frozen=block.bias_feeds_batch_norm),
        "gamma": parameter(gamma, f"{norm_name}.weight"),
        "beta": parameter(beta, f"{norm_name}.bias"),
        **_dropout(block.dropout, block.site, n_out),
    }
    tensors = [t for t in (linear.weight, linear.bias, gamma, beta) if t is not None]
    if isinstance(norm, nn.BatchNorm1d):
        tensors += [norm.running_mean, norm.running_var]
    return spec, tensors


def _dropout(part: Any, site: str, n_units: int) -> dict[str, Any]:
    none = {
        "dropout": 0,
        "keep": 1.0,
        "keep_threshold": 0,
        "exact_floor": 0,
        "exact_threshold": 0,
        "noise_stream": 0,
    }
    if part is None:
        return none
    kind, keep = kind_of(part.module), keep_of(part.module)
    if keep >= 1:
        return none
    if keep <= 0:
        raise UnsupportedError(
            f"`{part.name}` drops every unit (p=1), which leaves nothing to train. Choose p below 1.",
            "engine-native-declines",
        )
    floor, threshold = exact_parts(n_units, keep)
    return {
        "dropout": _DROPOUTS[kind],
        "keep": realised_keep(keep) if kind == "bernoulli" else keep,
        "keep_threshold": keep_threshold(keep),
        "exact_floor": floor,
        "exact_threshold": min(threshold, 2**32 - 1),
        "noise_stream": stream_key(f"noise/{site}"),
    }


def _check_norm(name: str, norm: nn.Module, n_out: int) -> None:
    reason = None
    if isinstance(norm, nn.BatchNorm1d):
        if norm.num_features != n_out:
            reason = f"has {norm.num_features} features behind a layer of {n_out}"
        elif not norm.track_running_stats or norm.running_mean is None:
            reason = "keeps no running statistics"
        elif norm.momentum is None:
            reason = "averages its running statistics over all steps (momentum=None)"
    elif isinstance(norm, nn.GroupNorm):
        if norm.num_channels != n_out:
            reason = f"has {norm.num_channels} channels behind a layer of {n_out}"
    elif isinstance(norm, nn.LayerNorm | nn.RMSNorm) and tuple(norm.normalized_shape) != (n_out,):
        reason = f"normalises over {tuple(norm.normalized_shape)} behind a layer of {n_out}"
    if reason is not None:
        raise UnsupportedError(
            f"`{name}` ({type(norm).__name__}) {reason}, which the native engine does not do. "
            "Leave engine= out.",
            "engine-native-declines",
        )


def _eps(norm: nn.Module | None, dtype: torch.dtype) -> float:
    if norm is None:
        return 0.0
    eps = getattr(norm, "eps", None)
    return torch.finfo(dtype).eps if eps is None else float(eps)
