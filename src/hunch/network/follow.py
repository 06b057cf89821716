"""Modules that follow another one: what a module gives goes through them, and nothing else changes.

A follower is a child of the module that it follows, run by one forward hook. So the class of that module, the names
of its parameters, its own hooks, methods, weight tying, pickling and copying stay as they were, and whoever calls
the module gets what the last follower gives.
"""

from __future__ import annotations

from typing import Any

from torch import nn

_NAMES = "hunch_followers"


class Gone(nn.Identity):
    """What stands under the name of a norm or dropout that was taken away, for the forward still calls it."""


def run_followers(module: nn.Module, _inputs: Any, output: Any) -> Any:
    """The forward hook; a function of this file, so that networks can be pickled."""
    for name in vars(module)[_NAMES]:
        output = module._modules[name](output)  # type: ignore[misc]
    return output


def followers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The followers of a module with their names in it, in their order."""
    return [(name, module._modules[name]) for name in vars(module).get(_NAMES, ())]  # type: ignore[misc]


def attach(module: nn.Module, what: str, follower: nn.Module, *, first: bool = False) -> str:
    """Let a module be followed by another one, behind those that follow it already (or before them).

    Returns:
        The name of the follower in the module: `what`, with underscores behind it if that is taken.
    """
    name = what
    while hasattr(module, name):
        name += "_"
    names = tuple(vars(module).get(_NAMES, ()))
    if not names:
        module.register_forward_hook(run_followers)
    module.add_module(name, follower)
    vars(module)[_NAMES] = (name, *names) if first else (*names, name)
    return name


def detach(module: nn.Module, name: str) -> None:
    """Take a follower away; with the last one the hook goes too."""
    names = tuple(n for n in vars(module)[_NAMES] if n != name)
    del module._modules[name]
    vars(module)[_NAMES] = names
    if not names:
        del vars(module)[_NAMES]
        for key in [k for k, hook in module._forward_hooks.items() if hook is run_followers]:
            del module._forward_hooks[key]


def is_follower(network: nn.Module, name: str) -> bool:
    """Whether the module of that qualified name follows its parent."""
    path, _, leaf = name.rpartition(".")
    return leaf in vars(network.get_submodule(path)).get(_NAMES, ())
