"""Calling the user's `build`: one network for one seed, with nothing global left changed."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from hunch.errors import HunchError, NetworkError

_GLOBAL_STATES = threading.RLock()  # there is one of each: two threads that build would draw from one another


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's, Python's and NumPy's generators; put their old states back at the end."""
    with _GLOBAL_STATES:
        yield from _seeded(seed)


def _seeded(seed: int) -> Iterator[None]:
    torch_state = torch.random.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        _seed_torch(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        yield
    finally:
        torch.random.set_rng_state(torch_state)
        if cuda_states is not None:  # torch.manual_seed seeds the GPUs too
            torch.cuda.set_rng_state_all(cuda_states)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _seed_torch(seed: int) -> None:
    """`torch.manual_seed`; without the call stacks that it writes down for GPUs where there are none."""
    if torch.cuda.is_available() or torch.backends.mps.is_available() or torch.xpu.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode; at the end every module is back in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def build_network(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network that `torch.manual_seed(seed); build()` makes.

    Args:
        build: A function without arguments that returns an `nn.Module`.
        seed: The run seed.

    Raises:
        NetworkError: If `build` is no function, raises, or returns no module, or one that trains nothing.
    """
    if isinstance(build, nn.Module):
        raise NetworkError(
            f"build must be a function that makes the network, got a network ({type(build).__name__}). Every "
            "run starts from a fresh one: write build=lambda: nn.Sequential(…), or a def that returns it.",
            "network-build-not-a-function",
        )
    if not callable(build):
        raise NetworkError(
            f"build must be a function without arguments that returns an nn.Module, got {build!r}. "
            "Write for instance hunch.mlp([64, 100, 10]).",
            "network-build-not-a-function",
        )
    with seeded(seed):
        try:
            network = build()
        except HunchError:
            raise
        except Exception as error:
            raise NetworkError(
                f"build() raised {type(error).__name__}: {error}. It is called without arguments, once for "
                "each run; call it yourself to find the line.",
                "network-build-raised",
            ) from error
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"build() must return an nn.Module, got {type(network).__name__}. Is a `return` missing?",
            "network-build-no-module",
        )
    if not any(p.requires_grad for p in network.parameters()):
        raise NetworkError(
            "the network from build() has no parameter that can be trained. "
            "Add a linear layer, or leave requires_grad as it is.",
            "network-no-layer",
        )
    return network


def network_hash(network: nn.Module) -> str:
    """SHA-256 over the network's structure and every parameter and buffer, as hex."""
    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{tuple(array.shape)}{array.dtype}".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def decayed_parameters(network: nn.Module, *, decay_norm: bool = False) -> set[str]:
    """Names of the parameters that `l2` and `weight_decay` act on.

    Weights of linear layers, convolutions, embeddings, attention and recurrent layers, and other tables of numbers
    (a class token): whatever has two axes or more and is no bias and no norm's. With `decay_norm` everything.
    """
    names: set[str] = set()
    for prefix, module in network.named_modules():
        is_norm = isinstance(module, nn.LayerNorm | nn.RMSNorm)  # theirs may have two axes
        for name, parameter in module.named_parameters(recurse=False):
            if decay_norm or (parameter.ndim >= 2 and not name.startswith("bias") and not is_norm):
                names.add(f"{prefix}.{name}" if prefix else name)
    return names
