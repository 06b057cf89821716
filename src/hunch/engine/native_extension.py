"""Whether the compiled extension is there, and if not, why."""

from __future__ import annotations

import importlib
import importlib.util
import os
from functools import cache
from types import ModuleType


@cache
def _import() -> tuple[ModuleType | None, str]:
    try:
        module = (
            _another(os.environ["HUNCH_EXTENSION"]) if os.environ.get("HUNCH_EXTENSION") else _installed()
        )
    except ImportError as error:
        return None, f"the compiled extension is not installed ({error})"
    try:
        module.level()
    except RuntimeError as error:
        return None, str(error)
    return module, ""


def _installed() -> ModuleType:
    return importlib.import_module("hunch.engine._native")


def _another(path: str) -> ModuleType:
    """The extension in that file instead of the installed one: a build with sanitizers (`make sanitize`)."""
    spec = importlib.util.spec_from_file_location("hunch.engine._native", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"HUNCH_EXTENSION={path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
