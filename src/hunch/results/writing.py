"""Values that JSON can say, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import math
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from hunch.errors import PlanError, StoreError

PAGE_KINDS = (".html", ".htm", ".txt", ".json")
PICTURE_KINDS = (".png", ".svg")


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


def report_kind(place: Path, chart: str | None = None) -> str:
    """How the name of a report ends, which says what it is; lower case.

    Args:
        place: Where it is to go.
        chart: The one picture that was asked for, if any.

    Raises:
        PlanError: If it ends in nothing that a report can be, or a picture was asked for and it is none.
    """
    kind = place.suffix.lower()
    if kind not in (*PAGE_KINDS, *PICTURE_KINDS):
        raise PlanError(
            f"a report ends in .html, .txt, .json, .png or .svg, got {str(place)!r}. Write for instance "
            f"{str(place.with_suffix('.html')) if place.name else 'report.html'!r}.",
            "results-report-kind",
        )
    if chart is not None and kind not in PICTURE_KINDS:
        raise PlanError(
            f"chart={chart!r} asks for one picture, and {str(place)!r} is none: what ends in {kind} has all of "
            f"them or none. Write {str(place.with_suffix('.png'))!r} or {str(place.with_suffix('.svg'))!r}, or leave "
            "chart out.",
            "results-report-chart",
        )
    return kind


def nothing_to_draw() -> PlanError:
    """The error where a picture is asked for before there is anything in it."""
    return PlanError(
        "there is nothing to draw yet: no seed has a run at every dose. The report as .txt says what is known.",
        "report-nothing-to-draw",
    )
