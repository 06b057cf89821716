"""What is known of a network before it trains: does it fit the data, which sites has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hunch.errors import NetworkError
from hunch.network.activations import activation_name
from hunch.network.chain import Chain, read_chain
from hunch.network.inputs import Inputs, call, check_arguments, n_examples, shapes_told, to_inputs
from hunch.network.kinds import layer_kind
from hunch.network.layout import Layout
from hunch.network.making import evaluating, seeded
from hunch.network.sites import find_sites, is_chain
from hunch.traces import SiteFact


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What `inspect_network` found.

    Args:
        n_outputs: Outputs for one example.
        n_parameters: Trainable parameters.
        sites: The linear layers, in execution order.
        text: The network in one line.
    """

    n_outputs: int
    n_parameters: int
    sites: tuple[SiteFact, ...]
    text: str


def site_facts(chain: Chain) -> tuple[SiteFact, ...]:
    """The linear layers of a chain as facts."""
    return tuple(
        SiteFact(
            b.site,
            b.linear.in_features,
            b.linear.out_features,
            activation_name(b.activation.module) if b.activation and not b.is_last else None,
        )
        for b in chain.blocks
    )


def inspect_network(network: nn.Module, x: np.ndarray) -> NetworkFacts:
    """Read the network and pass two examples through it.

    Args:
        network: A network as `build` made it.
        x: Training inputs, as `Data` has them: (n, …), or several, structured (n,).

    Raises:
        UnsupportedError: If Hunch finds no site in the network.
        NetworkError: If it does not take the inputs, or gives anything but (n, outputs).
    """
    is_plain_chain = is_chain(network) and x.dtype.names is None
    check_arguments(network, x)
    if not is_plain_chain:
        return _inspect_any(network, x)
    chain = read_chain(network)
    first = chain.blocks[0].linear
    n_inputs = int(np.prod(x.shape[1:])) if chain.flattens else int(x.shape[-1])
    if first.in_features != n_inputs and first.in_features == np.prod(x.shape[1:]):
        raise NetworkError(
            f"the network's first layer `{chain.blocks[0].site}` takes {first.in_features} inputs in a row, "
            f"but an example of the data has the shape {tuple(x.shape[1:])}. Start the network with "
            "nn.Flatten().",
            "network-inputs",
        )
    if first.in_features != n_inputs:
        raise NetworkError(
            f"the network's first layer `{chain.blocks[0].site}` takes {first.in_features} inputs, but an "
            f"example of the data has {n_inputs}. Build it with nn.Linear({n_inputs}, …).",
            "network-inputs",
        )
    for before, after in zip(chain.blocks, chain.blocks[1:], strict=False):
        if before.linear.out_features != after.linear.in_features:
            raise NetworkError(
                f"layer `{before.site}` gives {before.linear.out_features} values, but the next layer "
                f"`{after.site}` takes {after.linear.in_features}. Make them equal.",
                "network-widths",
            )
    n_outputs = _n_outputs(network, first_examples(network, x))
    return NetworkFacts(n_outputs, _n_parameters(network), site_facts(chain), chain.describe())


def _inspect_any(network: nn.Module, x: np.ndarray) -> NetworkFacts:
    example = first_examples(network, x)
    n_outputs = _n_outputs(network, example)
    layout = find_sites(network, example)
    if not layout.sites:
        read_chain(network)  # it has the word on a network without any layer
    text = f"{type(network).__name__}: {layout.describe()}"
    return NetworkFacts(n_outputs, _n_parameters(network), _layout_facts(layout), text)


def _layout_facts(layout: Layout) -> tuple[SiteFact, ...]:
    return tuple(
        SiteFact(s.name, s.n_in, s.n_units, s.activation.kind if s.activation and s.is_hidden else None)
        for s in layout.sites
    )


def first_examples(network: nn.Module, x: np.ndarray) -> Inputs:
    """Two examples in the number type of the network's parameters, to read it with.

    Args:
        network: The network.
        x: Inputs, as `Data` has them.

    Returns:
        As the forward takes them: a tensor, a tuple of tensors or a dict of them.
    """
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    return to_inputs(x[:2].copy(), dtype)


def _n_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _n_outputs(network: nn.Module, example: Inputs) -> int:
    """Outputs for one example.

    Raises:
        NetworkError: If it raises, or gives anything but (n, outputs).
    """
    try:
        with torch.no_grad(), seeded(0), evaluating(network):
            out = call(network, example)
    except Exception as error:
        raise NetworkError(
            f"the network raised {type(error).__name__} on two examples of shape {shapes_told(example)}: "
            f"{error}. Make its layers fit the data.",
            "network-forward-raised",
        ) from error
    n = n_examples(example)
    if not isinstance(out, torch.Tensor):
        raise NetworkError(
            f"the network must give one row of outputs for each example, shape ({n}, outputs), got "
            f"{type(out).__name__}. Let the forward return the tensor that the cost takes, or an object that has it as "
            "`logits`.",
            "network-output-shape",
        )
    if out.ndim != 2 or len(out) != n:
        raise NetworkError(
            f"the network must give one row of outputs for each example, shape ({n}, outputs), "
            f"got {tuple(out.shape)}. {_shape_advice(network, tuple(out.shape), n)}",
            "network-output-shape",
        )
    return int(out.shape[1])


def _shape_advice(network: nn.Module, shape: tuple[int, ...], n: int) -> str:
    """How to get one row of outputs for each example, by what the network gives instead."""
    if len(shape) == 0:
        return "Return the outputs, not the cost: Hunch applies the cost itself."
    if shape[0] != n:
        return "The first axis must be that of the examples: check what the forward folds or turns."
    if len(shape) == 1:
        return "One output is a column: end with nn.Linear(…, 1), or with .unsqueeze(1) in the forward."
    if any(layer_kind(m) == "conv" for m in network.modules()):
        d = len(shape) - 2
        pool = f"nn.AdaptiveAvgPool{d}d(1), " if d in (1, 2, 3) else ""
        return f"It gives a map for each output: end it with {pool}nn.Flatten(), or with nn.Flatten() and nn.Linear(…)."
    return (
        "It gives outputs for each position of an example: start with nn.Flatten(), or, where positions are tokens, "
        "end with their mean, .mean(dim=1)."
    )
