"""Activations that are modules of a library's or the user's own, told by what they compute.

GPT-2's `NewGELUActivation` writes `0.5 * x * (1 + tanh(…))`: its input goes to three places. As one module it is an
activation like any other: one function of one number, applied to each element. That is proved by its fx graph, in
which only functions of the list below stand, of its one input and of plain numbers; nothing is tried out on data.
"""

from __future__ import annotations

import torch
from torch import fx, nn

from hunch.network.activations import KNOWN
from hunch.network.follow import followers
from hunch.network.own_gradient import own_gradients_refused

ELEMENTWISE = frozenset(
    (
        "abs", "add", "celu", "clamp", "clamp_max", "clamp_min", "clone", "contiguous", "div", "elu", "erf", "exp",
        "expm1", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log", "log1p", "logaddexp",
        "logsigmoid", "maximum", "minimum", "mish", "mul", "neg", "pow", "radd", "relu", "relu6", "rmul", "rsub",
        "selu", "sigmoid", "sign", "silu", "sin", "cos", "softplus", "softsign", "sqrt", "square", "sub", "tanh",
        "truediv", "multiply", "arctan", "atan", "float",
    )
)  # fmt: skip
"""Functions and methods, without underscores at their ends, that act on each element alone."""


def own_activation(module: nn.Module) -> tuple[bool, str | None]:
    """(whether a module of no known type is an activation, its name in the catalogue if it has one there).

    An activation is a function of one element that is no straight line. Its name is that of the catalogue's function
    that it equals to 1e-12 from -12 to 12.

    Example:
        >>> class Swish(nn.Module):
        ...     __module__ = "net"  # as in a file of yours
        ...
        ...     def forward(self, x):
        ...         return x * torch.sigmoid(x)
        >>> own_activation(Swish()), own_activation(nn.Softmax(-1))
        ((True, 'silu'), (False, None))
    """
    if not is_elementwise(module):
        return False, None
    x = torch.linspace(-12, 12, 2401, dtype=torch.float64)
    try:
        with torch.no_grad():
            y = type(module).forward(module, x.clone())
    except Exception:  # of the user's function: then it is looked into, as any other module is
        return False, None
    if not torch.isfinite(y).all() or (y[2:] - 2 * y[1:-1] + y[:-2]).abs().max() < 1e-9:
        return False, None
    for name, known in KNOWN.items():
        if (known.make()(x) - y).abs().max() <= 1e-12:
            return True, name
    return True, None


def is_elementwise(module: nn.Module) -> bool:
    """Whether what a module gives is a function of each element of its one input alone, the same in either mode."""
    own = {follower for _, follower in followers(module)}  # they run behind its forward
    if any(child is not None and child not in own for child in module._modules.values()):
        return False
    if module._parameters or module._buffers or "forward" in vars(module):
        return False
    if type(module).__module__.startswith(("torch.", "hunch.")):
        return False
    mode = module.training
    try:
        nodes: list[fx.Graph] = []
        with own_gradients_refused():
            for module.training in (True, False):
                nodes.append(fx.Tracer(autowrap_functions=()).trace(module))
    except Exception:  # fx cannot follow it: it is looked into, as any other module is
        return False
    finally:
        module.training = mode
    if str(nodes[0]) != str(nodes[1]):
        return False
    ops = [node for node in nodes[0].nodes if node.op not in ("placeholder", "output")]
    inputs = [node for node in nodes[0].nodes if node.op == "placeholder"]
    output = next(node for node in nodes[0].nodes if node.op == "output")
    return (
        len(inputs) == 1
        and bool(ops)
        and all(node.op in ("call_function", "call_method") and _is_of_elements(node) for node in ops)
        and isinstance(output.args[0], fx.Node)
    )


def _is_of_elements(node: fx.Node) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    others = [a for a in (*node.args, *node.kwargs.values()) if not isinstance(a, fx.Node)]
    return name.strip("_") in ELEMENTWISE and all(isinstance(a, int | float | str | None) for a in others)
