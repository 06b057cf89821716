"""Which engine trains a study, and why."""

from __future__ import annotations

from dataclasses import dataclass

from hunch.engine.contract import Engine
from hunch.engine.loop import LoopEngine
from hunch.errors import PlanError, UnsupportedError

ENGINES = ("auto", "loop")


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine and the reason.

    Args:
        engine: The engine.
        reason: Why it was chosen and what declined, in words.
    """

    engine: Engine
    reason: str


def choose(engine: str = "auto", device: str | None = None) -> Choice:
    """Pick the engine.

    Args:
        engine: `"auto"` or `"loop"`.
        device: None or `"cpu"`.

    Raises:
        PlanError: If there is no such engine.
        UnsupportedError: If the device is not the CPU.
    """
    if device not in (None, "cpu"):
        raise UnsupportedError(
            f"device={device!r} is not supported yet; so far Hunch trains on the CPU. Leave device= out.",
            "engine-device",
        )
    if engine not in ENGINES:
        raise PlanError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}.", "plan-engine")
    return Choice(LoopEngine(), "asked for" if engine == "loop" else "the engine for every chain so far")
