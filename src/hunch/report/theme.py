"""How charts look, and what all have in common: colours, dashes, configs, the way to a plain spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

# Okabe & Ito's palette, told apart by people with any common colour blindness; the ones that would vanish on
# the ground are swapped for their lighter or darker neighbours of the same palette.
LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
DARK = ("#56B4E9", "#E07B39", "#1FBF92", "#D79ABB", "#E69F00", "#F0E442", "#DDDDDD")
DASHES = ((1, 0), (6, 3), (2, 2), (9, 3, 2, 3), (12, 4), (4, 2, 1, 2, 1, 2), (3, 6))
STATUS_COLOURS = (2, 1, 6, 3)
"""Places in the palettes of near-optimal, excluded as best, unknown and unstable doses."""
STATUS_SHAPES = ("circle", "triangle-down", "diamond", "cross")
"""Their shapes, so that colour is never the only difference."""
VERDICTS = {
    "light": ("#0b6e4f", "#a63d00", "#34536b", "#755600"),
    "dark": ("#6fd6b2", "#f5a676", "#a9c8e0", "#e6c460"),
}
"""Colours of supported, refuted, no meaningful difference and undecided, as the style sheet has them."""
VERDICT_SHAPES = ("circle", "triangle-down", "square", "diamond")
"""Their shapes; an undecided one is hollow too."""
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif'
INK = {
    "light": {"ink": "#1c2127", "soft": "#5b6570", "line": "#e3e7eb", "ground": "#ffffff"},
    "dark": {"ink": "#e8ebee", "soft": "#a3adb8", "line": "#2d343c", "ground": "#14181c"},
}


def dash_of(arm: int) -> tuple[int, ...]:
    """The dash of the arm at that position; an arm that shares another's colour has another dash.

    Example:
        >>> dash_of(0) == dash_of(7)
        False
    """
    return DASHES[(arm + arm // len(LIGHT)) % len(DASHES)]


def theme(mode: str) -> dict[str, Any]:
    """The Vega-Lite config of one theme.

    Args:
        mode: `"light"` or `"dark"`; `"page"` names the style sheet's variables instead of colours, so that a
            drawn chart follows the reader's preference, and paper, without being drawn again.
    """
    if mode == "page":
        ink, soft, line, ground = (f"var(--{k})" for k in ("ink", "soft", "line", "ground"))
        arms = [f"var(--arm-{k})" for k in range(len(LIGHT))]
        verdicts = [f"var(--{k})" for k in ("yes", "no", "same", "open")]
    else:
        verdicts = list(VERDICTS[mode])
        ink, soft, line, ground = (INK[mode][k] for k in ("ink", "soft", "line", "ground"))
        arms = list(LIGHT if mode == "light" else DARK)
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": soft,
            "titleColor": soft,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelPadding": 5,
            "domain": False,
            "ticks": False,
        },
        "axisX": {"grid": False, "domain": True, "ticks": True},
        "legend": {"labelColor": ink, "labelFontSize": 12, "labelLimit": 260, "symbolStrokeWidth": 2.5},
        "title": {"color": ink, "fontSize": 13, "fontWeight": 600, "anchor": "start", "offset": 10},
        "range": {
            "category": arms,
            "ordinal": [arms[k] for k in STATUS_COLOURS],
            "diverging": verdicts,
        },
        "style": {
            "hunch-mark": {"color": soft, "strokeDash": [3, 3], "strokeWidth": 1},
            "hunch-note": {"color": soft, "fontSize": 11},
            "hunch-halo": {"color": ground, "stroke": ground, "strokeWidth": 4, "fontSize": 11},
            "hunch-zero": {"color": soft, "strokeWidth": 1.5},
            "hunch-margin": {"color": soft, "fillOpacity": 0.16},
            "hunch-interval": {"color": ink, "strokeWidth": 2.5},
            "hunch-estimate": {"color": ink, "filled": True},
            "hunch-seed": {"color": soft, "strokeWidth": 0.75, "opacity": 0.32},
            "hunch-path": {"color": soft, "strokeWidth": 1.25, "opacity": 0.7},
            "hunch-region": {"color": arms[2], "fillOpacity": 0.13},
            "hunch-cell": {"color": arms[0]},
            "hunch-certified": {"color": arms[2], "filled": False, "strokeWidth": 3},
            "hunch-mean": {"color": ink, "fontSize": 11},
            "hunch-label": {"color": ink, "fontSize": 12.5},
            "hunch-label-halo": {
                "color": ground,
                "stroke": ground,
                "strokeWidth": 4,
                "strokeJoin": "round",
                "fontSize": 12.5,
            },
            "hunch-ground": {"color": ground, "filled": True, "opacity": 1},
            "hunch-flat": {"color": soft, "fillOpacity": 0.14},
            "hunch-function": {"color": ink, "strokeWidth": 2},
            "hunch-slope": {"color": soft, "strokeWidth": 1.5, "strokeDash": [5, 3]},
            "hunch-ring": {"color": ink, "filled": False, "strokeWidth": 1.75},
        },
    }


def axis(**settings: Any) -> alt.Axis:
    """An axis; settings as in Vega-Lite."""
    return alt.Axis(**settings)


def layered(layers: Sequence[Any], description: str) -> Any:
    """The layers as one chart that can be told which arm to bring forward.

    Args:
        layers: Altair charts of one mark each.
        description: The chart in words, for those who do not see it.
    """
    chart = alt.layer(*layers).add_params(alt.param(name="focus", value=""))
    return chart.properties(description=description)


def plain_spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The Vega-Lite spec of a chart, the same whatever theme or data transformer is enabled."""
    with (
        alt.theme.enable("none"),
        alt.data_transformers.enable("default", max_rows=None, consolidate_datasets=True),
    ):
        spec = chart.to_dict(validate=False)  # drawing is the test of it, and checking takes half the time
    spec.pop("$schema", None)  # a web address that changes with the library; the page says the mode itself
    spec.pop("config", None)
    return spec
