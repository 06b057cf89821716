"""Whether the compiled extension is there, and if not, why."""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType


@cache
def _import() -> tuple[ModuleType | None, str]:
    try:
        module = importlib.import_module("hunch.engine._native")
    except ImportError as error:
        return None, f"the compiled extension is not installed ({error})"
    try:
        module.level()
    except RuntimeError as error:
        return None, str(error)
    return module, ""


def native_module() -> ModuleType | None:
    """The module `hunch.engine._native`; None if not built, not fit to run, or HUNCH_NO_NATIVE=1."""
    if os.environ.get("HUNCH_NO_NATIVE", "") not in ("", "0"):
        return None
    return _import()[0]


def native_absence() -> str:
    """Why there is no compiled extension, in words; empty if there is one.

    Example:
        >>> (native_module() is None) == bool(native_absence())
        True
    """
    if os.environ.get("HUNCH_NO_NATIVE", "") not in ("", "0"):
        return "HUNCH_NO_NATIVE is set"
    return _import()[1]
