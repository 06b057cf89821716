"""Which engine trains a study, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from hunch.data import Data
from hunch.engine.batched import BatchedEngine
from hunch.engine.batched_declines import batched_declines, fleets_cost
from hunch.engine.contract import Engine
from hunch.engine.loop import LoopEngine
from hunch.engine.native import NativeEngine
from hunch.engine.native_chain import native_declines
from hunch.engine.native_extension import native_absence, native_module
from hunch.engine.own_cost_name import OwnCost
from hunch.engine.team import usable_cores
from hunch.errors import PlanError, UnsupportedError
from hunch.plan import Arm

ENGINES = ("auto", "native", "batched", "loop")


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
        UnsupportedError: If there is no such device here, an engine cannot use it, or `"native"` is asked for and not
            installed.
    """
    if engine not in ENGINES:
        raise PlanError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}.", "plan-engine")
    if device not in (None, "cpu"):
        _check_device(str(device), engine)
    if engine == "native":
        NativeEngine()


OWN_COST = "the cost is a function of yours"


def _check_device(device: str, engine: str) -> None:
    kind, _, number = device.partition(":")
    if kind != "cuda" or (number and not number.isdigit()):
        raise UnsupportedError(
            f"device={device!r} is not supported: Hunch trains on the CPU or on a CUDA device. Leave device= out, or "
            "write device='cuda'.",
            "engine-device",
        )
    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= n:
        raise UnsupportedError(
            f"device={device!r} asks for a GPU, but torch {torch.__version__} sees {n} of them here. Leave device= "
            "out, or install a torch that was built for CUDA.",
            "engine-device",
        )
    if engine in ("native", "loop"):
        raise UnsupportedError(
            f"engine={engine!r} trains on the CPU only, got device={device!r}. Leave engine= out, or device=.",
            "engine-device",
        )


AHEAD = "gradient predictiveness takes gradients at other weights on the way, which only loop does"


def choose(
    network: nn.Module,
    data: Data,
    engine: str = "auto",
    device: str | None = None,
    *,
    arms: Sequence[Arm] = (),
    cost: str | OwnCost = "cross_entropy",
    on_request: bool = False,
) -> Choice:
    """Pick the engine for a network and data: native where it can, else batched where it can and pays, else loop.

    The choice depends on its arguments and on what is installed, never on what is faster at the moment.

    Args:
        network: The network as built.
        data: The data.
        engine: `"auto"`, `"native"`, `"batched"` or `"loop"`.
        device: None, `"cpu"`, or a CUDA device, for which only batched serves.
        arms: The arms, resolved: batched tries each kind of them.
        cost: Name of the cost, or one of the user's own.
        on_request: Whether readings on request are wanted.

    Raises:
        PlanError: If there is no such engine.
        UnsupportedError: If there is no such device, or the engine that is asked for cannot train this network or take
            these readings; the text says why.
    """
    check_engine(engine, device)
    if engine == "loop":
        return Choice(LoopEngine(usable_cores()), "asked for")
    arms = arms or (Arm("plain").resolved(data.n),)
    if device not in (None, "cpu"):
        declined = AHEAD if on_request else batched_declines(network, data, arms, cost, str(device))
        if declined is not None:
            raise _refusal("batched", declined, on_request, f"Leave device={device!r} out: the CPU can.")
        return Choice(BatchedEngine(device), "the device is a GPU")
    said = []
    if engine != "batched":
        own = OWN_COST if isinstance(cost, OwnCost) else None
        declined = AHEAD if on_request else own or native_declines(network, data)
        if native_module() is None:
            declined = f"{native_absence()}; the others give the same numbers, more slowly"
        if declined is None:
            why = "asked for" if engine == "native" else "the network is a chain, and the device is the CPU"
            return Choice(NativeEngine(), why)
        if engine == "native":
            raise _refusal("native", declined, on_request, "Leave engine= out: another engine then serves.")
        said.append(f"native declined: {declined.rstrip('.')}")
    declined = AHEAD if on_request else batched_declines(network, data, arms, cost)
    if declined is None and engine == "batched":
        return Choice(BatchedEngine(), "asked for")
    if engine == "batched":
        raise _refusal("batched", str(declined), on_request, "Leave engine= out: loop then serves.")
    if declined is None:
        declined = fleets_cost(network, data, max(arm.batch_size or 1 for arm in arms))
    if declined is None:
        return Choice(BatchedEngine(), "; ".join(said))
    if on_request:
        return Choice(LoopEngine(usable_cores()), said[0])
    return Choice(LoopEngine(usable_cores()), "; ".join([*said, f"batched declined: {declined.rstrip('.')}"]))


def _refusal(engine: str, declined: str, on_request: bool, advice: str) -> UnsupportedError:
    what = (
        "take these readings"
        if on_request
        else "use this cost"
        if declined == OWN_COST
        else "train this network"
    )
    return UnsupportedError(
        f"engine={engine!r} cannot {what}: {declined.rstrip('.')}. {advice}",
        f"engine-{engine}-declines",
    )
