# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""An arm: one way to normalise, regularise and train the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Self, TypeGuard, cast

from hunch.errors import PlanError, Problem

NORMS = ("none", "batch", "layer", "rms", "group")
NORM_PLACES = ("before_activation", "after_activation")
DROPOUTS = ("bernoulli", "gaussian", "exact")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "warmup", "warmup_cosine")
ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus",
)  # fmt: skip


class SiteMap(Mapping[str, float]):
    """An immutable, hashable mapping from site to number, printed as a dict."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, float]) -> None:
        """Copy the items, sorted by site, so that equal maps are equal whatever their order."""
        self._items = dict(sorted((str(k), v) for k, v in items.items()))

    def __getitem__(self, site: str) -> float:
        """The number for one site."""
        return self._items[site]

    def __iter__(self):
        """The sites, sorted."""
        return iter(self._items)

    def __len__(self) -> int:
        """How many sites are named."""
        return len(self._items)

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(tuple(self._items.items()))

    def __eq__(self, other: object) -> bool:
        """Equal to any mapping with the same items."""
        return isinstance(other, Mapping) and self._items == dict(other)

    def __repr__(self) -> str:
        """As a dict, so that an arm's repr can be pasted back."""
        return repr(self._items)


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to normalise, regularise and train the network.

    An arm changes only what it names: every default is None, which means "as the network, else the study's
    `base` arm, has it". What neither names falls back to the training defaults given below.

    Args:
        name: How the arm is called in claims, tables and charts.
        norm: `"batch"`, `"layer"`, `"rms"`, `"group"`, or `"none"`, which takes norms away.
        norm_at: `"before_activation"` (default) or `"after_activation"`.
        keep_prob: Probability that a unit is *kept* (PyTorch's `nn.Dropout(p)` has p = 1 - keep_prob), in
            (0, 1]: a number for every site followed by an activation, or a mapping site → number. 1.0 takes
            dropout away.
        dropout: `"bernoulli"` (default), `"gaussian"` (same mean and variance) or `"exact"`.
        l2: λ of λ/2·‖w‖² added to the mean cost, on weights only. Default 0.
        weight_decay: Decoupled decay, as in AdamW. Default 0 (`adamw`: 0.01, as in torch.optim).
        init_std: Redraw every linear and convolution weight from N(0, init_std²), biases 0.
        activation: Replace the activations: `"relu"`, `"sigmoid"`, `"tanh"`, …
        optimizer: `"sgd"` (default), `"momentum"` (SGD, momentum 0.9), `"nesterov"`, `"adam"`, `"adamw"`.
        lr: Learning rate. None: tuned for this arm; a given rate is never tuned.
        momentum: Momentum of SGD, in [0, 1).
        nesterov: Use Nesterov momentum.
        betas: Adam's two decay rates. Default (0.9, 0.999).
        eps: Adam's epsilon. Default 1e-8.
        schedule: `"constant"` (default), `"step"`, `"cosine"`, `"warmup"`, `"warmup_cosine"`.
        batch_size: Examples a step. Default 64 (or all examples, if there are fewer).
        keep_until: Share of the budget, in (0, 1], after which dropout is off (early dropout). Default 1.
        decay_norm: Whether L2 and decay act on norm parameters and biases too. Default False.

    Raises:
        PlanError: If a value is out of range; the error lists every problem of the arm.

    Example:
        >>> Arm("before", norm="batch").norm
        'batch'
    """

    name: str
    norm: str | None = None
    norm_at: str | None = None
    keep_prob: float | Mapping[str, float] | None = None
    dropout: str | None = None
    l2: float | None = None
    weight_decay: float | None = None
    init_std: float | None = None
    activation: str | None = None
    optimizer: str | None = None
    lr: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    schedule: str | None = None
    batch_size: int | None = None
    keep_until: float | None = None
    decay_norm: bool | None = None

    def __post_init__(self) -> None:
        """Freeze mappings and refuse nonsense, all at once."""
        if isinstance(self.keep_prob, Mapping) and not isinstance(self.keep_prob, SiteMap):
            object.__setattr__(self, "keep_prob", SiteMap(self.keep_prob))
        if isinstance(self.betas, list):
            object.__setattr__(self, "betas", tuple(self.betas))
        PlanError.raise_all(self.validate())
        # 1 and 1.0, and NumPy's numbers, are one value: they must give one JSON and one hash.
        for f in fields(self):
            object.__setattr__(self, f.name, plain(getattr(self, f.name), whole=f.name == "batch_size"))

    def validate(self) -> list[Problem]:
        """Every problem of this arm, in the order of its fields."""
        return list(_problems(self))

    def over(self, base: Arm | None) -> Self:
        """This arm, with what it leaves open taken from `base`."""
        if base is None:
            return self
        given = {
            f.name: getattr(base, f.name)
            for f in fields(self)
            if f.name != "name" and getattr(self, f.name) is None
        }
        # A changed optimizer brings its own defaults: the base's momentum belongs to the base's optimizer.
        if self.optimizer is not None and self.optimizer != (base.optimizer or "sgd"):
            for name in ("momentum", "nesterov", "betas", "eps", "lr"):
                given[name] = getattr(self, name)
        return replace(self, **given)

    def resolved(self, n_examples: int) -> Self:
        """This arm with the training defaults filled in; network-level fields stay as they are.

        Args:
            n_examples: Size of the training part; the default batch never exceeds it.
        """
        optimizer = self.optimizer or "sgd"
        momentum = self.momentum
        if momentum is None:
            momentum = 0.9 if optimizer in ("momentum", "nesterov") else 0.0
        nesterov = self.nesterov if self.nesterov is not None else optimizer == "nesterov"
        decay = self.weight_decay
        if decay is None:
            decay = 0.01 if optimizer == "adamw" else 0.0
        return replace(
            self,
            optimizer=optimizer,
            momentum=momentum,
            nesterov=nesterov,
            betas=self.betas or (0.9, 0.999),
            eps=1e-8 if self.eps is None else self.eps,
            l2=0.0 if self.l2 is None else self.l2,
            weight_decay=decay,
            schedule=self.schedule or "constant",
            batch_size=self.batch_size or min(64, n_examples),
            keep_until=1.0 if self.keep_until is None else self.keep_until,
            decay_norm=bool(self.decay_norm),
        )

    @property
    def is_adaptive(self) -> bool:
        """Whether the optimizer is of Adam's family."""
        return self.optimizer in ("adam", "adamw")

    def __repr__(self) -> str:
        """Only what was named, so that it can be pasted back."""
        parts = [repr(self.name)]
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name != "name" and value is not None:
                parts.append(f"{f.name}={value!r}")
        return f"Arm({', '.join(parts)})"

    def to_json(self) -> dict[str, Any]:
        """A dict of what was named."""
        out: dict[str, Any] = {"name": self.name}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "name" or value is None:
                continue
            if isinstance(value, SiteMap):
                value = dict(value)
            elif isinstance(value, tuple):
                value = list(value)
            out[f.name] = value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The arm that `to_json` wrote.

        Raises:
            PlanError: If a field is unknown or out of range.
        """
        known = {f.name for f in fields(cls)}
        for key in data:
            if key not in known:
                raise PlanError(
                    f"arm {data.get('name')!r}: {key!r} is not a setting of an arm. "
                    f"Use one of {', '.join(sorted(known))}.",
                    "plan-arm-setting",
                )
        return cls(**data)


def is_number(value: object) -> TypeGuard[float]:
    """Whether the value is a finite real number (and not a bool)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_whole(value: object) -> TypeGuard[int]:
    """Whether the value is a whole number (and not a bool, nor a float that happens to be whole)."""
    return not isinstance(value, bool) and isinstance(value, Integral)


def plain(value: Any, *, whole: bool = False) -> Any:
    """Any number, alone, in a tuple or in a site map, as Python's own float (with `whole`: int)."""
    if isinstance(value, SiteMap):
        return SiteMap({site: plain(v) for site, v in value.items()})
    if isinstance(value, tuple):
        return tuple(plain(v, whole=whole) for v in cast(tuple[Any, ...], value))
    if whole:
        return int(value) if is_whole(value) else value
    return float(value) if is_number(value) else value


def _problems(arm: Arm):
    if not isinstance(arm.name, str) or not arm.name.strip():
        yield Problem(
            f"an arm needs a name that is not empty, got {arm.name!r}. Write Arm('before', …).",
            "plan-arm-name",
        )
    where = f'arm "{arm.name}"'
    for field, choices in (
        ("norm", NORMS),
        ("norm_at", NORM_PLACES),
        ("dropout", DROPOUTS),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("activation", ACTIVATIONS),
    ):
        value = getattr(arm, field)
        if value is not None and value not in choices:
            hint = ""
            if field == "dropout" and is_number(value) and 0 < value < 1:
                hint = f" To drop {100 * value:g} % of the units write keep_prob={1 - value:g}."
            yield Problem(
                f"{where}: {field} must be one of {', '.join(choices)}, got {value!r}.{hint}",
                f"plan-{field.replace('_', '-')}",
            )
    yield from keep_problems(where, arm.keep_prob)
    for field, low, high, low_open, high_open, slug in (
        ("l2", 0.0, math.inf, False, True, "plan-l2"),
        ("weight_decay", 0.0, math.inf, False, True, "plan-weight-decay"),
        ("init_std", 0.0, math.inf, True, True, "plan-init-std"),
        ("lr", 0.0, math.inf, True, True, "plan-lr"),
        ("momentum", 0.0, 1.0, False, True, "plan-momentum"),
        ("eps", 0.0, math.inf, True, True, "plan-eps"),
        ("keep_until", 0.0, 1.0, True, False, "plan-keep-until"),
    ):
        value = getattr(arm, field)
        if value is None:
            continue
        inside = (
            is_number(value)
            and (value > low if low_open else value >= low)
            and (value < high if high_open else value <= high)
        )
        if not inside:
            bounds = f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
            yield Problem(f"{where}: {field} must be a number in {bounds}, got {value!r}.", slug)
    if arm.betas is not None and not (
        isinstance(arm.betas, tuple)
        and len(arm.betas) == 2
        and all(is_number(b) and 0 <= b < 1 for b in arm.betas)
    ):
        yield Problem(
            f"{where}: betas must be two numbers in [0, 1), got {arm.betas!r}. The usual is (0.9, 0.999).",
            "plan-betas",
        )
    if arm.batch_size is not None and not (is_whole(arm.batch_size) and arm.batch_size >= 1):
        yield Problem(
            f"{where}: batch_size must be a whole number of at least 1, got {arm.batch_size!r}.",
            "plan-batch-size",
        )
    if arm.norm == "batch" and arm.batch_size == 1:
        yield Problem(
            f"{where}: batch norm cannot train on batches of 1 (the variance over one example is 0), got "
            "batch_size=1. Use batch_size=2 or more, or norm='layer'.",
            "plan-batch-norm-of-one",
        )
    for field in ("nesterov", "decay_norm"):
        value = getattr(arm, field)
        if value is not None and not isinstance(value, bool):
            yield Problem(
                f"{where}: {field} must be True or False, got {value!r}.", f"plan-{field.replace('_', '-')}"
            )
    has_nesterov = arm.optimizer == "nesterov" if arm.nesterov is None else arm.nesterov is True
    if has_nesterov and is_number(arm.momentum) and arm.momentum == 0:
        yield Problem(
            f"{where}: Nesterov momentum needs a momentum above 0, got momentum=0. Write momentum=0.9.",
            "plan-nesterov",
        )


def keep_problems(where: str, keep: object) -> Iterator[Problem]:
    """What is wrong with a keep probability, or with a mapping site → keep probability.

    Args:
        where: What asks for it, in front of the message.
        keep: The value; None asks for nothing and is right.

    Example:
        >>> [problem.slug for problem in keep_problems("here", 20)]
        ['plan-keep-prob']
    """
    if keep is None:
        return
    pairs = list(keep.items()) if isinstance(keep, Mapping) else [(None, keep)]
    if not pairs:
        yield Problem(
            f"{where}: keep_prob is an empty mapping; name at least one site, or give a number for all.",
            "plan-keep-prob",
        )
    for site, value in pairs:
        if is_number(value) and 0 < value <= 1:
            continue
        at = "" if site is None else f" at site {site!r}"
        hint = "To take dropout away write keep_prob=1.0."
        if isinstance(value, str):
            hint = f"That is text; write the number, without quotes: keep_prob={value}."
        if is_number(value) and 1 < value <= 100:
            share = 1 - value / 100
            hint = (
                f"To drop {value:g} % of the units (PyTorch p={value / 100:g}) write keep_prob={share:g}."
                if share > 0
                else "To drop units with probability p write keep_prob=1-p."
            )
        elif is_number(value) and value == 0:
            hint = "Keeping nothing leaves nothing to train; to take dropout away write keep_prob=1.0."
        yield Problem(f"{where}: keep_prob{at} must be in (0, 1], got {value!r}. {hint}", "plan-keep-prob")
