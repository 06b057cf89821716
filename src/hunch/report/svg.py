"""A chart as SVG: the same spec gives the same bytes, and two of them in one document do not share ids."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import vl_convert


def as_svg(spec: dict[str, Any]) -> bytes:
    """The drawing of a Vega-Lite spec, as UTF-8."""
    return own_ids(str(vl_convert.vegalite_to_svg(spec))).encode("utf-8", "replace")


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
