"""What is known of a network before it trains: does it fit the data, which sites has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hunch.errors import NetworkError
from hunch.network.activations import activation_name
from hunch.network.chain import Chain, read_chain
from hunch.network.making import evaluating, seeded
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
        x: Training inputs, shape (n, …).

    Raises:
        UnsupportedError: If the network is no chain.
        NetworkError: If it does not take the inputs, or gives anything but (n, outputs).
    """
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
    example = torch.from_numpy(np.array(x[:2])).to(first.weight.dtype)
    try:
        with torch.no_grad(), seeded(0), evaluating(network):
            out = network(example)
    except Exception as error:
        raise NetworkError(
            f"the network raised {type(error).__name__} on two examples of shape {tuple(example.shape)}: "
            f"{error}. Make its layers fit the data.",
            "network-forward-raised",
        ) from error
    if not isinstance(out, torch.Tensor) or out.ndim != 2 or len(out) != len(example):
        got = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise NetworkError(
            f"the network must give one row of outputs for each example, shape ({len(example)}, outputs), "
            f"got {got}. For inputs with more than one axis start with nn.Flatten().",
            "network-output-shape",
        )
    n_parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return NetworkFacts(int(out.shape[1]), n_parameters, site_facts(chain), chain.describe())
