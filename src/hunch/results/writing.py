"""Values that JSON can say, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import math
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from hunch.errors import PlanError, StoreError


def plain(value: Any) -> Any:
    """The value with tuples as lists, NumPy numbers as Python's, and None for what JSON cannot say."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_whole(path: Path, content: str | bytes, *, called: str = "report") -> Path:
    """Write a whole file or none.

    Args:
        path: Where.
        content: What; text as UTF-8.
        called: What a message calls it.

    Raises:
        StoreError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        raise StoreError(
            f"cannot write the {called} to {path}: {error.strerror or error}. Give a path in a folder that "
            "exists and that you may write.",
            "results-report-write",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def nothing_to_draw() -> PlanError:
    """The error where a picture is asked for before there is anything in it."""
    return PlanError(
        "there is nothing to draw yet: no seed has a run at every dose. The report as .txt says what is known.",
        "report-nothing-to-draw",
    )
