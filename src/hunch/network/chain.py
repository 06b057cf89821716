"""Reading a chain: an `nn.Sequential` of linear layers with what stands between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from hunch.errors import NetworkError, UnsupportedError
from hunch.network.activations import activation_name
from hunch.network.dropouts import ExactDropout, GaussianDropout
from hunch.network.kinds import layer_kind

NORM_TYPES = (nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)
DROPOUT_TYPES = (nn.Dropout, GaussianDropout, ExactDropout)
INPUT = "input"
"""The site of the inputs themselves, where dropout may stand."""


@dataclass(frozen=True, slots=True)
class Part:
    """A module of the chain with its qualified name."""

    name: str
    module: nn.Module


@dataclass(frozen=True, slots=True)
class Block:
    """A linear layer and what follows it, up to the next linear layer.

    Args:
        site: Qualified name of the linear layer.
        linear: The layer.
        activation: The activation that follows; None for the last layer (or an unbroken pair of layers).
        norm: The norm between this layer and the next; None if there is none.
        norm_before: Whether that norm stands before the activation.
        dropout: The dropout module; None if there is none.
        is_last: Whether this is the output layer.
    """

    site: str
    linear: nn.Linear
    activation: Part | None
    norm: Part | None
    norm_before: bool
    dropout: Part | None
    is_last: bool

    @property
    def is_hidden(self) -> bool:
        """Whether norm and dropout may be placed here: an activation follows, and it is not the last one."""
        return self.activation is not None and not self.is_last

    @property
    def bias_feeds_batch_norm(self) -> bool:
        """Whether the layer's bias is cancelled by a batch norm that follows directly."""
        return self.norm is not None and self.norm_before and isinstance(self.norm.module, nn.BatchNorm1d)


@dataclass(frozen=True, slots=True)
class Chain:
    """A network that is a chain.

    Args:
        blocks: Linear layers with their tails, in execution order.
        flattens: Whether inputs are flattened first.
        input_dropout: Dropout of the inputs themselves; None if there is none.
    """

    blocks: tuple[Block, ...]
    flattens: bool
    input_dropout: Part | None = None

    def block(self, site: str) -> Block:
        """The block of that site.

        Raises:
            KeyError: If there is none.
        """
        for block in self.blocks:
            if block.site == site:
                return block
        raise KeyError(site)

    @property
    def hidden(self) -> tuple[Block, ...]:
        """The blocks at which norm and dropout may stand."""
        return tuple(b for b in self.blocks if b.is_hidden)

    def describe(self) -> str:
        """One line, for instance `64 → 100 → 10, sigmoid`."""
        widths = [self.blocks[0].linear.in_features, *(b.linear.out_features for b in self.blocks)]
        kinds = {activation_name(b.activation.module) for b in self.blocks if b.activation}
        names = ", ".join(sorted(str(k) for k in kinds)) or "no activation"
        return f"{' → '.join(map(str, widths))}, {names}"


def leaves(network: nn.Module, prefix: str = "") -> Iterator[Part]:
    """The modules of nested `nn.Sequential`s in execution order, with qualified names."""
    if type(network).forward is not nn.Sequential.forward:
        where = f"`{prefix.removesuffix('.')}`" if prefix else "the network"
        raise UnsupportedError(
            f"{where} is a {type(network).__name__}, an nn.Sequential with a forward of its own, so its "
            "layers need not run one after another. So far Hunch reads plain nn.Sequential chains; write it "
            "as one.",
            "network-not-a-chain",
        )
    for name, child in network._modules.items():
        full = f"{prefix}{name}"
        if child is None:
            continue
        if isinstance(child, nn.Sequential):
            yield from leaves(child, f"{full}.")
        else:
            yield Part(full, child)


def read_chain(network: nn.Module) -> Chain:
    """Read a network as a chain.

    Args:
        network: An `nn.Sequential` (nested ones are fine) of `nn.Linear`, activations, norms
            (`BatchNorm1d`, `LayerNorm`, `RMSNorm`, `GroupNorm`), dropout, and a leading `nn.Flatten`, which dropout
            of the inputs may follow.

    Raises:
        UnsupportedError: If some module does not fit; the text names it.
        NetworkError: If the chain has no linear layer, or ends in a softmax.

    Example:
        >>> read_chain(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))).describe()
        '4 → 3 → 2, relu'
    """
    if not isinstance(network, nn.Sequential):
        raise UnsupportedError(
            f"the network is a {type(network).__name__}; so far Hunch reads nn.Sequential chains of linear "
            "layers and activations. Write the network as nn.Sequential(nn.Linear(…), nn.ReLU(), …, "
            "nn.Linear(…)).",
            "network-not-a-chain",
        )
    parts = list(leaves(network))
    flattens = False
    input_dropout: Part | None = None
    blocks: list[Block] = []
    tail: list[Part] = []
    linear: Part | None = None
    seen: dict[int, str] = {}
    for part in parts:
        module = part.module
        if isinstance(module, nn.Flatten) and linear is None and input_dropout is None:
            flattens = True
            continue
        if id(module) in seen and list(module.parameters()):
            raise UnsupportedError(
                f"the layer `{part.name}` is the same module as `{seen[id(module)]}`; a layer that is called "
                "at two places has no single site. Give each place a layer of its own.",
                "network-shared-layer",
            )
        seen[id(module)] = part.name
        check_weights(part)
        if isinstance(module, nn.Linear):
            if linear is not None:
                blocks.append(_block(linear, tail, is_last=False))
            linear, tail = part, []
        elif isinstance(module, nn.Softmax | nn.LogSoftmax):
            raise NetworkError(
                f"the network ends in {type(module).__name__} (`{part.name}`), but the cost expects raw "
                "outputs (logits) and applies the softmax itself. Take it out of build().",
                "network-softmax",
            )
        elif _fits(module):
            if linear is None and isinstance(module, DROPOUT_TYPES):
                if input_dropout is not None:
                    _refuse_second(INPUT, "dropout", input_dropout, part)
                input_dropout = part
                continue
            if linear is None and not isinstance(module, nn.Identity):
                raise UnsupportedError(
                    f"`{part.name}` ({type(module).__name__}) stands before the first linear layer; so far a "
                    "chain starts with a linear layer (or nn.Flatten, or dropout of the inputs). Prepare the inputs in "
                    "the data instead.",
                    "network-not-a-chain",
                )
            tail.append(part)
        else:
            raise UnsupportedError(
                f"`{part.name}` is a {type(module).__name__}, which does not fit a chain of linear layers. "
                "So far a chain holds nn.Linear, the usual activations, BatchNorm1d, LayerNorm, RMSNorm, "
                "GroupNorm, Dropout and a leading Flatten.",
                "network-not-a-chain",
            )
    if linear is None:
        raise NetworkError(
            "the network has no linear layer, so there is nothing to train. "
            "Return for instance nn.Sequential(nn.Linear(64, 10)) from build().",
            "network-no-layer",
        )
    blocks.append(_block(linear, tail, is_last=True))
    return Chain(tuple(blocks), flattens, input_dropout)


def oddity(network: nn.Module) -> str | None:
    """What makes a chain compute something else than its plain layers would, in words; None if nothing does.

    PyTorch itself trains such a network rightly; an engine with layers of its own must leave it to PyTorch.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> oddity(network)
        >>> handle = network[0].register_forward_hook(lambda module, inputs, output: 2 * output)
        >>> oddity(network)
        '`0` has a hook, which may change what it computes'
    """
    owners: dict[int, str] = {}
    for name, module in network.named_modules():
        where = f"`{name}`" if name else "the network"
        if any(getattr(module, hooks) for hooks in _HOOKS):
            return f"{where} has a hook, which may change what it computes"
        if _computes_its_own_way(module):
            return f"{where} is a {type(module).__name__}, which has a forward of its own"
        for which, parameter in module.named_parameters(recurse=False):
            if id(parameter) in owners:
                return f"{where} shares its {which} with {owners[id(parameter)]}"
            owners[id(parameter)] = where
    return None


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _computes_its_own_way(module: nn.Module) -> bool:
    """Whether `forward` is another one than that of the class of torch or Hunch that it derives from."""
    known = next(c for c in type(module).__mro__ if c.__module__.startswith(("torch.nn.", "hunch.")))
    return (
        type(module).forward is not known.forward
        or type(module).__call__ is not nn.Module.__call__
        or "forward" in vars(module)
    )


def check_weights(part: Part) -> None:
    """Refuse weights that are no parameters (a redraw would do nothing) and hooks that a copy would lose."""
    if layer_kind(part.module) and not isinstance(part.module._parameters.get("weight"), Tensor):
        raise UnsupportedError(
            f"`{part.name}` has a weight that is computed from others (weight norm, spectral norm or another "
            "parametrization). So far Hunch reads layers whose weight is a parameter; take the "
            "parametrization out.",
            "network-not-a-chain",
        )
    for name, parameter in part.module.named_parameters(recurse=False):
        if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
            raise UnsupportedError(
                f"`{part.name}` has a hook on its {name}; every run trains a copy of the network, which "
                "would lose it. So far Hunch trains without such hooks; take it out.",
                "network-not-a-chain",
            )


def _fits(module: nn.Module) -> bool:
    return isinstance(module, (*NORM_TYPES, *DROPOUT_TYPES)) or activation_name(module) is not None


def _block(linear: Part, tail: list[Part], *, is_last: bool) -> Block:
    activation = norm = dropout = None
    norm_before = False
    for part in tail:
        if isinstance(part.module, NORM_TYPES):
            if norm is not None:
                _refuse_second(linear.name, "norm", norm, part)
            norm, norm_before = part, activation is None
        elif isinstance(part.module, DROPOUT_TYPES):
            if dropout is not None:
                _refuse_second(linear.name, "dropout", dropout, part)
            dropout = part
        elif not isinstance(part.module, nn.Identity):
            if activation is not None:
                _refuse_second(linear.name, "activation", activation, part)
            activation = part
    # An explicit nn.Identity counts as the activation only when there is no other: a linear chain.
    if activation is None and not is_last:
        activation = next((p for p in tail if isinstance(p.module, nn.Identity)), None)
        if activation is not None and norm is not None:
            norm_before = tail.index(norm) < tail.index(activation)
    if dropout is not None:
        _check_dropout_place(linear.name, tail, activation, norm, dropout)
    return Block(linear.name, linear.module, activation, norm, norm_before, dropout, is_last)  # type: ignore[arg-type]


def _check_dropout_place(
    site: str, tail: list[Part], activation: Part | None, norm: Part | None, dropout: Part
) -> None:
    at = tail.index(dropout)
    for earlier in (activation, norm):
        if earlier is not None and tail.index(earlier) > at:
            raise UnsupportedError(
                f"`{dropout.name}` (dropout) stands before `{earlier.name}` "
                f"({type(earlier.module).__name__}) of site `{site}`; so far dropout stands after the "
                "activation and after a norm that follows it. Move it there.",
                "network-dropout-order",
            )


def _refuse_second(site: str, what: str, first: Part, second: Part) -> None:
    where = "before the first linear layer" if site == INPUT else f"after the linear layer `{site}`"
    raise UnsupportedError(
        f"{where} stand two modules of one kind ({what}): "
        f"`{first.name}` ({type(first.module).__name__}) and `{second.name}` ({type(second.module).__name__}). "
        "So far at most one of each may follow a layer; take one out.",
        "network-two-of-a-kind",
    )
