"""What Hunch sees of a network: its sites with what stands behind them, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from hunch.network.activations import activation_name
from hunch.network.chain import Block, Chain, Part
from hunch.network.dropouts import keep_of
from hunch.network.graph import Graph
from hunch.network.kinds import layer_kind

LAST = "it is the last layer"


@dataclass(frozen=True, slots=True)
class Found:
    """A norm, activation or dropout that stands behind a layer.

    Args:
        name: Qualified name of the module, or name of the function.
        kind: `"relu"`, `"BatchNorm2d"`, `"dropout"`; None for an activation that the catalogue does not have.
        module: The module; None for a function call.
        owner: Qualified name of the module in whose forward it is called; empty: the network's own.
        is_shared: Whether the module is called at several places.
        keep: Keep probability of a dropout; None for anything else, or where it is no plain number.
        call: Index of the call in the graph.
    """

    name: str
    kind: str | None
    module: nn.Module | None
    owner: str = ""
    is_shared: bool = False
    keep: float | None = None
    call: int = field(default=-1, compare=False, repr=False)

    @property
    def is_function(self) -> bool:
        """Whether it is a function call, which no module can be swapped for without rewriting the forward."""
        return self.module is None

    @property
    def where(self) -> str:
        """In words: `` `act` `` or `` `relu` in `block` ``."""
        if not self.is_function:
            return f"`{self.name}`"
        owner = f"the forward of `{self.owner}`" if self.owner else "the network's own forward"
        return f"`{self.name}` in {owner}"


@dataclass(frozen=True, slots=True)
class Site:
    """A layer and what follows it.

    Args:
        name: Qualified name of the layer.
        kind: `"linear"`, `"conv"` or `"embedding"`.
        module: The layer.
        n_in: Inputs of the layer (features, channels, or entries of an embedding).
        n_units: Units, or channels of a convolution.
        activation: The activation that follows; None if none does.
        norm: The norm there; None if there is none.
        norm_before: Whether that norm stands before the activation.
        dropout: The dropout there; None if there is none.
        is_last: Whether no other site comes after it on the way to an output.
        is_map: Whether units are channels, the second axis of a map.
        ndim: Axes of its value, the examples' included; None where that is not known without running it.
        pooled: Name of a pooling between layer and activation; empty if there is none.
        refusal: Why norm and dropout do not stand here by themselves, in words; empty: they may.
        by_hand: Whether they may nevertheless be placed right behind the layer by naming the site.
        is_direct: Whether the norm is the very next thing behind the layer.
        drops_early: Whether the dropout stands before the activation. An arm that names dropout moves it behind.
    """

    name: str
    kind: str
    module: nn.Module
    n_in: int
    n_units: int
    activation: Found | None
    norm: Found | None
    norm_before: bool
    dropout: Found | None
    is_last: bool
    is_map: bool
    ndim: int | None
    pooled: str = ""
    refusal: str = ""
    by_hand: bool = False
    is_direct: bool = field(default=False, compare=False)
    drops_early: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether norm and dropout may be placed here without naming the site."""
        return not self.refusal

    @property
    def module_type(self) -> str:
        """Type of the layer, for instance `"Conv2d"`."""
        return type(self.module).__name__

    @property
    def bias_feeds_batch_norm(self) -> bool:
        """Whether the layer's bias is cancelled by a batch norm that follows directly, over the layer's units.

        Of tokens with the units last, batch norm takes each token's mean, which leaves the bias in.
        """
        is_batch = self.norm is not None and isinstance(self.norm.module, nn.modules.batchnorm._BatchNorm)
        is_over_units = self.is_map or self.ndim in (None, 2)
        return is_batch and self.norm_before and self.is_direct and is_over_units


@dataclass(frozen=True, slots=True)
class Layout:
    """What Hunch sees of a network.

    Args:
        sites: The sites, in execution order.
        input_dropout: Dropout of the inputs themselves; None if there is none.
        loose: Norms and dropout that belong to no site, for instance after a residual sum.
        unseen: What holds weights that are no site, and why, in words.
        how: `"chain"`, `"fx"` or `"forward"` (one pass on real inputs).
        graph: The calls; None for a chain.
    """

    sites: tuple[Site, ...]
    input_dropout: Found | None
    loose: tuple[Found, ...]
    unseen: tuple[str, ...]
    how: str
    graph: Graph | None = field(default=None, compare=False, repr=False)

    @property
    def hidden(self) -> tuple[Site, ...]:
        """The sites at which norm and dropout stand by themselves."""
        return tuple(s for s in self.sites if s.is_hidden)

    def site(self, name: str) -> Site:
        """The site of that name.

        Raises:
            KeyError: If there is none.
        """
        for site in self.sites:
            if site.name == name:
                return site
        raise KeyError(name)

    def describe(self) -> str:
        """One line, for instance `conv 1→8, conv 8→16, linear 64→10; relu`."""
        layers = ", ".join(f"{s.kind} {s.n_in}→{s.n_units}" for s in self.sites)
        names = sorted({str(s.activation.kind) for s in self.sites if s.activation and s.activation.kind})
        return f"{layers}; {', '.join(names) or 'no activation'}"


def layout_of_chain(chain: Chain) -> Layout:
    """A chain as a layout."""
    return Layout(
        tuple(_site_of_block(block) for block in chain.blocks),
        _found(chain.input_dropout, is_dropout=True),
        (),
        (),
        "chain",
    )


def _site_of_block(block: Block) -> Site:
    refusal = LAST if block.is_last else "" if block.is_hidden else "it has no activation after it"
    return Site(
        block.site,
        layer_kind(block.linear) or "",
        block.linear,
        block.linear.in_features,
        block.linear.out_features,
        _found(block.activation, is_activation=True),
        _found(block.norm),
        block.norm_before,
        _found(block.dropout, is_dropout=True),
        block.is_last,
        is_map=False,
        ndim=2,
        refusal=refusal,
        is_direct=block.norm is not None and block.norm_before,
    )


def _found(part: Part | None, *, is_activation: bool = False, is_dropout: bool = False) -> Found | None:
    if part is None:
        return None
    kind = activation_name(part.module) if is_activation else type(part.module).__name__
    return Found(part.name, kind, part.module, keep=keep_of(part.module) if is_dropout else None)
