"""How an arm is told apart in every chart: by colour, by dash, and by stepping forward when its key is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hunch.report.theme import dash_of

_LIT = "focus === '' || datum.arm === focus"


def arm_colour(arms: Sequence[str], *, legend: bool) -> alt.Color:
    """The colour of an arm, by its place among all arms of the study."""
    return alt.Color("arm:N", scale=alt.Scale(domain=list(arms)), legend=_key() if legend else None)


def arm_dash(arms: Sequence[str], *, legend: bool) -> alt.StrokeDash:
    """The dash of an arm; with a legend it shares that of `arm_colour`."""
    dashes = [list(dash_of(k)) for k in range(len(arms))]
    scale = alt.Scale(domain=list(arms), range=dashes)
    return alt.StrokeDash("arm:N", scale=scale, legend=_key() if legend else None)


def lit(on: float, off: float) -> Any:
    """Opacity that falls back when another arm is in focus."""
    return alt.condition(_LIT, alt.value(on), alt.value(off))


def _key() -> alt.Legend:
    return alt.Legend(title=None, orient="top", symbolType="stroke", symbolOpacity=1)
