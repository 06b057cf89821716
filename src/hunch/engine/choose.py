"""Which engine trains a study, and why."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from hunch.data import Data
from hunch.engine.contract import Engine
from hunch.engine.loop import LoopEngine
from hunch.engine.native import NativeEngine
from hunch.engine.native_chain import native_declines
from hunch.engine.native_extension import native_absence, native_module
from hunch.errors import PlanError, UnsupportedError

ENGINES = ("auto", "native", "loop")


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine and the reason.

    Args:
        engine: The engine.
        reason: Why it was chosen and what declined, in words.
    """

    engine: Engine
    reason: str

    @property
    def sentence(self) -> str:
        """What is said before the first run."""
        return f"Engine: {self.engine.name} ({self.reason})."


def check_engine(engine: str = "auto", device: str | None = None) -> None:
    """Refuse names of engines and devices that there are not.

    Raises:
        PlanError: If there is no such engine.
        UnsupportedError: If the device is not the CPU, or `"native"` is asked for and not installed.
    """
    if device not in (None, "cpu"):
        raise UnsupportedError(
            f"device={device!r} is not supported yet; so far Hunch trains on the CPU. Leave device= out.",
            "engine-device",
        )
    if engine not in ENGINES:
        raise PlanError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}.", "plan-engine")
    if engine == "native":
        NativeEngine()


OWN_COST = "the cost is a function of yours"
AHEAD = "gradient predictiveness takes gradients at other weights on the way, which only loop does"


def choose(
    network: nn.Module,
    data: Data,
    engine: str = "auto",
    device: str | None = None,
    *,
    on_request: bool = False,
    own_cost: bool = False,
) -> Choice:
    """Pick the engine for a network and data: native where it can, else loop.

    Args:
        network: The network as built.
        data: The data.
        engine: `"auto"`, `"native"` or `"loop"`.
        device: None or `"cpu"`.
        on_request: Whether readings on request are wanted.
        own_cost: Whether the cost is a function of the user's.

    Raises:
        PlanError: If there is no such engine.
        UnsupportedError: If the device is not the CPU, or the native engine is asked for and cannot train
            this network or take these readings; the text says why.
    """
    check_engine(engine, device)
    if engine == "loop":
        return Choice(LoopEngine(), "asked for")
    if native_module() is None:
        return Choice(
            LoopEngine(), f"native declined: {native_absence()}; loop gives the same numbers, more slowly"
        )
    declined = AHEAD if on_request else OWN_COST if own_cost else native_declines(network, data)
    if declined is None:
        why = "asked for" if engine == "native" else "the network is a chain, and the device is the CPU"
        return Choice(NativeEngine(), why)
    if engine == "native":
        asked = "take these readings" if on_request else "use this cost" if own_cost else "train this network"
        raise UnsupportedError(
            f"engine='native' cannot {asked}: "
            f"{declined.rstrip('.')}. Leave engine= out: another engine then serves.",
            "engine-native-declines",
        )
    return Choice(LoopEngine(), f"native declined: {declined.rstrip('.')}")
