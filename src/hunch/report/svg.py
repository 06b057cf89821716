"""A chart as PNG or SVG: the same spec gives the same bytes, whatever names are in it."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import vl_convert

UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML has not: the library that draws does not refuse them, it ends the process."""


def as_svg(spec: dict[str, Any]) -> bytes:
    """The drawing of a Vega-Lite spec, as UTF-8; two of them in one document share no ids."""
    return own_ids(str(vl_convert.vegalite_to_svg(drawable(spec)))).encode("utf-8")


def as_png(spec: dict[str, Any], scale: float) -> bytes:
    """The picture of a Vega-Lite spec, with so many pixels for each of its own."""
    return vl_convert.vegalite_to_png(drawable(spec), scale=scale)


def drawable(value: Any) -> Any:
    """The same with every character that cannot be drawn replaced, in keys and in values.

    Example:
        >>> drawable({"a": ["b" + chr(0) + "c", 1.0]})
        {'a': ['b\ufffdc', 1.0]}
    """
    if isinstance(value, str):
        return UNDRAWABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {drawable(key): drawable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [drawable(inner) for inner in value]
    return value


def own_ids(svg: str) -> str:
    """The drawing with ids that depend on it alone: the library numbers clippings over all that a process draws.

    Example:
        >>> own_ids('<g clip-path="url(#clip7)"><clipPath id="clip7">')
        '<g clip-path="url(#h7b22af-0)"><clipPath id="h7b22af-0">'
    """
    place = r'(?<=[ "]id=")(clip\d+|gradient_\d+)(?=")|(?<=url\(#)(clip\d+|gradient_\d+)(?=\))'
    order: dict[str, int] = {}
    plain = re.sub(place, lambda found: f"clip{order.setdefault(found[0], len(order))}", svg)
    mark = hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:6]
    return re.sub(place, lambda found: f"h{mark}-{found[0][4:]}", plain)
