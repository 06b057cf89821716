"""The law of kept units as a picture: bars for one layer, small multiples for those of a network."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import vl_convert

from hunch.errors import StoreError
from hunch.evidence import keep_text, number, percent
from hunch.report.kept_units import count_rows, describe_laws
from hunch.report.svg import as_png, drawable
from hunch.report.theme import DARK, INK, LIGHT, axis, plain_spec, theme
from hunch.stats import KeptUnits

PICTURES = (".html", ".htm", ".png", ".svg")
MOST_BARS = 60
WIDE, PANEL = 560, 230
"""Width of the picture of one law, and of one of the small multiples, in pixels."""
_FITS = ("wide enough", "too narrow")


@dataclass(frozen=True, slots=True)
class _Frame:
    """The axis that a law is drawn on.

    Args:
        unit: What a unit of the layer is on the axis: 1, or 1/n where the axis shows shares.
        low: Where the axis begins.
        high: Where it ends.
        width: In pixels.
    """

    unit: float
    low: float
    high: float
    width: int

    @property
    def has_units(self) -> bool:
        """Whether the axis counts units, as it does where one law stands alone."""
        return self.unit == 1.0

    def pixels(self, units: int) -> float:
        """How wide that many units are."""
        return units * self.unit * self.width / (self.high - self.low)


def law_chart(law: KeptUnits) -> Any:
    """One law: a bar for each number of kept units, their mean, and the gaussian of equal variance."""
    low, high = _counts_shown(law)
    frame = _Frame(1.0, low - 0.5, high + 0.5, WIDE)
    x = alt.X(
        "low:Q",
        scale=alt.Scale(domain=[frame.low, frame.high], nice=False),
        title="units' worth (no unit is dropped)"
        if law.dropout == "gaussian"
        else "units kept in one example",
        axis=axis(format=",d", tickMinStep=1, tickCount=13),
    )
    line = ["line: gaussian dropout of equal variance"] if law.dropout == "bernoulli" and law.sd else []
    title = alt.TitleParams(
        f"{law.units:,} unit{'' if law.units == 1 else 's'}, {keep_text(round(law.keep_prob, 6))}",
        subtitle=[
            f"{law.dropout} dropout: mean {number(law.mean, 6)} (dashed), standard deviation {number(law.sd)}",
            *line,
        ],
    )
    chart = alt.layer(*_layers(law, x, frame))
    return chart.properties(width=WIDE, height=260, title=title, description=describe_laws([law]))


def laws_chart(laws: Mapping[str, KeptUnits]) -> alt.ConcatChart:
    """Small multiples, one a layer, over the share of units kept, so that narrow and wide layers compare.

    Args:
        laws: Site → law, one or more.
    """
    edge = 0.5 / min(law.units for law in laws.values())
    hills = [law for law in laws.values() if law.dropout == "gaussian"]  # they reach beyond none and all
    low = min([-edge, *((law.mean - 3.5 * law.sd) / law.units for law in hills)])
    high = max([1 + edge, *((law.mean + 3.5 * law.sd) / law.units for law in hills)])
    x = alt.X(
        "low:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        title=None,
        axis=axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    panels: list[Any] = []
    for site, law in laws.items():
        narrow = ": too narrow" if law.too_narrow else ""
        title = alt.TitleParams(
            f"layer {site}: {law.units:,} unit{'' if law.units == 1 else 's'}, keep {law.keep_prob:.6g}",
            subtitle=f"{law.dropout}, noise {percent(law.relative_noise)}{narrow}",
        )
        chart = alt.layer(*_layers(law, x, _Frame(1 / law.units, low, high, PANEL)))
        panels.append(chart.properties(width=PANEL, height=130, title=title))
    return (
        alt.concat(*panels, columns=3)
        .resolve_scale(y="independent")
        .properties(
            title="Share of a layer's units that dropout keeps in one example, and its chance",
            description=describe_laws(list(laws.values())),
        )
    )


def _counts_shown(law: KeptUnits) -> tuple[float, float]:
    """All counts but a chance of 1e-4 at either end, and one more; of a gaussian four standard deviations."""
    if law.dropout == "gaussian":
        reach = 4 * law.sd or 0.5
        return law.mean - reach, law.mean + reach
    # Exact dropout on the scale of bernoulli, not of its one or two counts alone.
    fewest, most = law.with_dropout("bernoulli").window(1e-4)
    return float(max(fewest - 1, -1)), float(min(most + 1, law.units + 1))


def _layers(law: KeptUnits, x: alt.X, frame: _Frame) -> list[Any]:
    """Bars, a hill or both, and the mean."""
    bars = [] if law.dropout == "gaussian" else _bars(law, frame)
    has_hill = law.dropout == "gaussian" or (law.dropout == "bernoulli" and frame.has_units)
    hill = _hill(law, frame) if has_hill and law.keep_prob < 1 else []
    peak = max([row["chance"] for row in (*bars, *hill)], default=1.0)
    y_title = "chance per unit" if law.dropout == "gaussian" else "chance of each number"
    y = alt.Y(
        "chance:Q",
        title=y_title if frame.has_units else None,
        scale=alt.Scale(domain=[0, 1.1 * peak], nice=False),
        axis=axis(format=".3~%", values=chance_ticks(peak)),
    )
    colour = alt.Color("fit:N", scale=alt.Scale(domain=list(_FITS)), legend=None)
    tooltip = [
        alt.Tooltip("kept:N", title="units kept"),
        alt.Tooltip("chance:Q", title="chance of each", format=".3~%"),
    ]
    layers: list[Any] = []
    if bars:
        drawn = alt.Chart(alt.InlineData(values=bars)).mark_rect(clip=True, aria=False)
        layers.append(drawn.encode(x=x, x2="high:Q", y=y, y2=alt.Y2Datum(0), color=colour, tooltip=tooltip))
    if hill:
        drawn = alt.Chart(alt.InlineData(values=hill))
        if bars:
            line = drawn.mark_line(style="hunch-interval", strokeWidth=1.5, clip=True, aria=False)
            layers.append(line.encode(x=x, y=y))
        else:
            layers.append(drawn.mark_area(clip=True, aria=False).encode(x=x, y=y, color=colour))
    mean = alt.Chart(alt.InlineData(values=[{"low": law.mean * frame.unit}]))
    return [*layers, mean.mark_rule(style="hunch-mark", aria=False).encode(x=x)]


def _bars(law: KeptUnits, frame: _Frame) -> list[dict[str, Any]]:
    """A bar for each count, or for equally many counts where there are many; its height is the chance of one."""
    rows = [row for row in count_rows(law, most=MOST_BARS, tail=1e-6) if not row.is_tail]
    size = rows[0].most - rows[0].fewest + 1
    gap = 0.08 * size if frame.pixels(size) > 5 else 0.0
    return [
        {
            "low": (row.fewest - 0.5 + gap) * frame.unit,
            "high": (row.most + 0.5 - gap) * frame.unit,
            "chance": row.chance / (row.most - row.fewest + 1),
            "kept": row.label,
            "fit": _FITS[law.too_narrow],
        }
        for row in rows
    ]


def _hill(law: KeptUnits, frame: _Frame) -> list[dict[str, Any]]:
    """The gaussian of equal mean and variance, as chance per unit."""
    at = np.linspace(frame.low, frame.high, 241)
    heights = law.matched_density(at / frame.unit)
    return [
        {"low": float(u), "chance": float(f"{h:.6g}"), "fit": _FITS[law.too_narrow]}
        for u, h in zip(at, heights, strict=True)
    ]


def chance_ticks(peak: float) -> list[float]:
    """0 and two to four round chances up to the highest one, so that no label reaches beyond its panel.

    Example:
        >>> chance_ticks(0.384), chance_ticks(1.0)
        ([0.0, 0.1, 0.2, 0.3], [0.0, 0.5, 1.0])
    """
    power = 10.0 ** math.floor(math.log10(peak / 2))
    step = next(m * power for m in (5, 2, 1) if peak >= 2 * m * power)
    return [round(k * step, 12) for k in range(int(peak / step + 1e-9) + 1)]


def write_picture(chart: alt.TopLevelMixin, path: str, *, text: str, title: str, mode: str = "light") -> Path:
    """Write a picture of a law as a page, a PNG or an SVG, as the name ends.

    Args:
        chart: `law_chart` or `laws_chart`.
        path: Where to; the name ends in .html, .htm, .png or .svg.
        text: What the page says beside the picture; the other two hold the picture alone.
        title: Title of the page.
        mode: `"light"` or `"dark"`; a page follows its reader's preference.

    Raises:
        StoreError: If it cannot be written.
    """
    place = Path(path)
    spec = plain_spec(chart)
    kind = place.suffix.lower()
    coloured = {**spec, "config": {**_config(mode), "background": INK[mode]["ground"]}}
    if kind == ".png":
        content = as_png(coloured, 2.0)
    elif kind == ".svg":
        content = _svg(coloured).encode()
    else:
        drawn = _svg({**spec, "config": _config("page")})
        content = _page(drawn, title, text, str(spec["description"])).encode("utf-8", "replace")
    try:
        place.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"cannot write the picture to {path}: {error.strerror or error}. Give a path in a folder that exists "
            "and that you may write.",
            "results-report-write",
        ) from error
    return place


def _svg(spec: dict[str, Any]) -> str:
    """The picture as SVG, the same bytes whatever was drawn before: Vega numbers its clips as it goes."""
    numbers: dict[str, str] = {}
    return re.sub(
        r'(id="|url\(#)clip(\d+)',
        lambda found: f"{found[1]}clip{numbers.setdefault(found[2], str(len(numbers)))}",
        str(vl_convert.vegalite_to_svg(drawable(spec))),
    )


def _config(mode: str) -> dict[str, Any]:
    """The report's theme; these charts have subtitles too."""
    config = theme(mode)
    return {**config, "title": {**config["title"], "subtitleColor": config["axis"]["titleColor"]}}


def _page(svg: str, title: str, text: str, description: str) -> str:
    """A page without scripts that opens offline; its colours follow the reader's preference."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{html.escape(title)}</title>
<style>
:root {{ color-scheme: light dark; {_variables("light")} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_variables("dark")} }} }}
body {{ margin: 0 auto; padding: 2.5rem 1.5rem; max-width: 58rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }}
h1 {{ font-size: 1.4rem; line-height: 1.3; }}
figure {{ margin: 1.5rem 0; }}
svg {{ max-width: 100%; height: auto; }}
pre {{ overflow-x: auto; line-height: 1.35;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }}
</style>
<h1>{html.escape(title)}</h1>
<figure role="img" aria-label="{html.escape(description)}">
{svg}
</figure>
<pre>{html.escape(text)}</pre>
</html>
"""


def _variables(mode: str) -> str:
    colours = LIGHT if mode == "light" else DARK
    ink = [f"--{name}: {colour};" for name, colour in INK[mode].items()]
    return " ".join([*ink, *(f"--arm-{k}: {colour};" for k, colour in enumerate(colours))])
