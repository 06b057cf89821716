"""What a module or a function is to Hunch: a layer, an activation, a norm, dropout, or something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.conv import _ConvNd as Convolution
from torch.nn.modules.instancenorm import _InstanceNorm as InstanceNorm

from hunch.network.activations import activation_name
from hunch.network.dropouts import MAP_DROPOUTS, ExactDropout, GaussianDropout
from hunch.network.map_norm import MapRMSNorm
from hunch.network.own_activation import own_activation

LAYER, ACTIVATION, NORM, DROPOUT = "layer", "activation", "norm", "dropout"
IDENTITY, POOL, RESHAPE, SUM, SOFTMAX, OTHER = "identity", "pool", "reshape", "sum", "softmax", "other"
HIDDEN_LAYER = "hidden layer"  # a layer that is called as a function: its weight has no module

ANY_NORM = (
    BatchNorm, nn.LayerNorm, nn.RMSNorm, MapRMSNorm, nn.GroupNorm, nn.LocalResponseNorm, InstanceNorm,
)  # fmt: skip
ANY_DROPOUT = (nn.Dropout, *MAP_DROPOUTS, GaussianDropout, ExactDropout)
_OTHER_ACTIVATIONS = (
    nn.LeakyReLU, nn.ELU, nn.Softplus, nn.ReLU6, nn.PReLU, nn.SELU, nn.CELU, nn.Mish, nn.Hardtanh, nn.Hardswish,
    nn.Hardsigmoid, nn.Hardshrink, nn.LogSigmoid, nn.Softsign, nn.Softshrink, nn.Tanhshrink, nn.Threshold, nn.RReLU,
)  # fmt: skip
_POOLS = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.LPPool1d, nn.LPPool2d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
_FUNCTIONS = {
    **dict.fromkeys(("relu", "sigmoid", "tanh", "silu"), ACTIVATION),
    **dict.fromkeys(("leaky_relu", "elu", "gelu", "softplus"), ACTIVATION),
    **dict.fromkeys(
        ("relu6", "prelu", "selu", "celu", "mish", "hardtanh", "hardswish", "hardsigmoid", "logsigmoid", "softsign"),
        ACTIVATION,
    ),
    **dict.fromkeys(("batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm"), NORM),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), DROPOUT),
    **dict.fromkeys(("alpha_dropout", "feature_alpha_dropout", "feature_dropout"), OTHER),
    **dict.fromkeys(("contiguous", "clone", "to"), IDENTITY),
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze", "unsqueeze", "mean"), RESHAPE),
    **dict.fromkeys(("add", "iadd", "radd", "sub", "isub", "cat", "concat", "stack"), SUM),
    **dict.fromkeys(("softmax", "log_softmax"), SOFTMAX),
    **dict.fromkeys(("linear", "embedding", "bilinear", "conv1d", "conv2d", "conv3d", "addmm"), HIDDEN_LAYER),
}  # fmt: skip
_SETTINGS: dict[str, tuple[tuple[str, int, Any], ...]] = {
    "leaky_relu": (("negative_slope", 1, 0.01),),
    "elu": (("alpha", 1, 1.0),),
    "softplus": (("beta", 1, 1), ("threshold", 2, 20)),
}
"""What the activations of the catalogue are set to: name, position, value. Set otherwise, they are others."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a call is.

    Args:
        what: One of the words above.
        name: Which one: `"relu"`, `"BatchNorm2d"`, `"dropout"`; for an activation that is in the catalogue its name
            there, for another one None.
    """

    what: str
    name: str | None


def kind_of_module(module: nn.Module) -> Kind:
    """What a module is, as it is called in the network."""
    if layer_kind(module) is not None:
        return Kind(LAYER, layer_kind(module))
    if isinstance(module, ANY_NORM):
        return Kind(NORM, type(module).__name__)
    if isinstance(module, ANY_DROPOUT):
        return Kind(DROPOUT, type(module).__name__)
    if isinstance(module, nn.Identity):
        return Kind(IDENTITY, "identity")
    if activation_name(module) is not None or isinstance(module, _OTHER_ACTIVATIONS):
        return Kind(ACTIVATION, activation_name(module))
    if isinstance(module, _POOLS):
        return Kind(POOL, type(module).__name__)
    if isinstance(module, nn.Flatten):
        return Kind(RESHAPE, "flatten")
    if isinstance(module, nn.Softmax | nn.LogSoftmax):
        return Kind(SOFTMAX, type(module).__name__)
    is_activation, name = own_activation(module)
    return Kind(ACTIVATION, name) if is_activation else Kind(OTHER, type(module).__name__)


def kind_of_function(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Kind:
    """What a function or a tensor's method is; `name` without underscores at its ends."""
    if "pool" in name:
        return Kind(POOL, name)
    what = _FUNCTIONS.get(name, OTHER)
    if what != ACTIVATION:
        return Kind(what, name)
    if name == "gelu":
        return Kind(what, "gelu_tanh" if kwargs.get("approximate", "none") == "tanh" else "gelu")
    if name in ("relu", "sigmoid", "tanh", "silu"):
        return Kind(what, name)
    wanted = _SETTINGS.get(name)
    is_known = wanted is not None and all(
        setting(args, kwargs, key, at, usual) == usual for key, at, usual in wanted
    )
    return Kind(what, name if is_known else None)


def setting(args: Sequence[Any], kwargs: Mapping[str, Any], key: str, at: int, usual: Any) -> Any:
    """An argument of a call, by name or position.

    Example:
        >>> setting(("x", 0.2), {}, "p", 1, 0.5), setting(("x",), {}, "p", 1, 0.5)
        (0.2, 0.5)
    """
    return kwargs.get(key, args[at] if len(args) > at else usual)


def layer_kind(module: nn.Module) -> str | None:
    """`"linear"`, `"conv"` or `"embedding"` for what makes a site; None for anything else.

    GPT-2's `Conv1D` of the transformers library is a linear layer whose weight is stored transposed.
    """
    if isinstance(module, nn.Linear) or is_transposed(module):
        return "linear"
    if isinstance(module, Convolution):
        return "conv"
    return "embedding" if isinstance(module, nn.Embedding | nn.EmbeddingBag) else None


def is_transposed(module: nn.Module) -> bool:
    """Whether this is GPT-2's `Conv1D`; told by its name, so that transformers need not be imported."""
    return any(
        c.__name__ == "Conv1D" and c.__module__.startswith("transformers.") for c in type(module).__mro__
    )


def sizes(module: nn.Module) -> tuple[int, int]:
    """(inputs, units) of a layer: features, channels, or (entries, width) of an embedding."""
    if is_transposed(module):
        return int(module.weight.shape[0]), int(module.weight.shape[1])  # type: ignore[union-attr, arg-type]
    if isinstance(module, Convolution):
        return module.in_channels, module.out_channels
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    return int(module.num_embeddings), int(module.embedding_dim)  # type: ignore[arg-type]
