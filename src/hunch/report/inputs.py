"""What activations receive, as numbers: mean and spread of the pre-activations per layer, over the activation.

The readings have the mean and the standard deviation over units and examples, not the shape: so a picture shows
mean ± one and two spreads, and no bell that nobody measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hunch.evidence import number
from hunch.plan import Plan
from hunch.report.activations import FUNCTIONS, flat_stretches
from hunch.report.series import drawn_sites, main_runs, significant
from hunch.traces import RunTable, Trace, reading_values

STEPS = 81
"""Points at which an activation is drawn."""

LEAST, MOST = 4.0, 16.0
"""The axis reaches at least and at most so far from 0; what lies beyond ends in an arrow, and in the table."""


@dataclass(frozen=True, slots=True)
class InputRow:
    """What one arm's activation receives at one moment, median over seeds.

    Args:
        arm: The arm.
        when: `"first reading"` or `"last reading"`.
        at: The iteration of that reading.
        mean: Mean of the pre-activations.
        spread: Their standard deviation.
    """

    arm: str
    when: str
    at: int
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class InputPanel:
    """One layer.

    Args:
        site: The layer.
        about: Its size and activation.
        activation: Name of the activation.
        domain: Ends of the axis of pre-activations, which all layers share.
        curve: Triples (pre-activation, activation, slope): both scaled to 0..1 on this axis.
        flat: Stretches with less than 5 % of the largest slope.
        rows: Two an arm that has runs, in order.
        alt: The picture in words.
    """

    site: str
    about: str
    activation: str
    domain: tuple[float, float]
    curve: tuple[tuple[float, float, float], ...]
    flat: tuple[tuple[float, float], ...]
    rows: tuple[InputRow, ...]
    alt: str


def input_panels(plan: Plan, table: RunTable) -> tuple[InputPanel, ...]:
    """One panel a layer with an activation, at most six of them, all on one axis; empty without readings."""
    sites = [(k, site) for k, site in enumerate(table.facts.sites) if site.activation in FUNCTIONS]
    runs = {arm.name: main_runs(plan, table, arm.name) for arm in plan.arms}
    found = [(site, _rows(runs, k)) for k, site in sites]
    found = [(site, rows) for site, rows in found if rows]
    found = [found[i] for i in drawn_sites([site for site, _ in found])]
    if not found:
        return ()
    reach = max(abs(row.mean) + 2 * row.spread for _, rows in found for row in rows)
    end = float(np.ceil(min(max(LEAST, 1.05 * reach), MOST)))
    domain = (-end, end)
    own = {arm.name: arm.activation for arm in plan.arms}
    panels: list[InputPanel] = []
    for site, rows in found:
        # An arm may bring an activation of its own; where all that are drawn share one, that is what is drawn.
        used = {own.get(row.arm) or site.activation for row in rows}
        name = used.pop() if len(used) == 1 else site.activation
        assert name is not None, "only sites with an activation are here"
        panels.append(
            InputPanel(
                site.name, f"{site.n_in} → {site.n_units}, {name}", name, domain, _curve(name, domain),
                flat_stretches(name, *domain), rows, _alt(site.name, name, rows),
            )
        )  # fmt: skip
    return tuple(panels)


def _rows(runs: dict[str, list[Trace]], site: int) -> tuple[InputRow, ...]:
    rows: list[InputRow] = []
    for arm, traces in runs.items():
        for when, step in (("first reading", 0), ("last reading", -1)):
            pairs = [_moment(trace, site, step) for trace in traces]
            known = [pair for pair in pairs if np.isfinite(pair).all()]
            if not known:
                continue
            at, mean, spread = np.median(np.array(known), axis=0)
            if abs(mean) < 1e-3 * spread:  # what is left of a mean that a norm took away
                mean = 0.0
            rows.append(InputRow(arm, when, int(at), significant(float(mean)), significant(float(spread))))
    return tuple(rows)


def _moment(trace: Trace, site: int, step: int) -> tuple[float, float, float]:
    """(iteration, mean, spread) at the first or the last reading that was taken; NaN if there is none."""
    mean = reading_values(trace, "preactivation_mean")[:, site]
    spread = reading_values(trace, "preactivation_spread")[:, site]
    known = np.flatnonzero(np.isfinite(mean) & np.isfinite(spread))
    if not len(known):
        return np.nan, np.nan, np.nan
    k = known[step]
    return float(trace.reading_at[k]), float(mean[k]), float(spread[k])


def _curve(name: str, domain: tuple[float, float]) -> tuple[tuple[float, float, float], ...]:
    z = np.linspace(*domain, STEPS)
    value, slope = FUNCTIONS[name].value(z), np.abs(FUNCTIONS[name].slope(z))
    low, high = float(value.min()), float(value.max())
    value = (value - low) / (high - low or 1.0)
    slope = slope / max(float(slope.max()), 1e-12)
    return tuple(
        (round(float(a), 3), round(float(b), 4), round(float(c), 4))
        for a, b, c in zip(z, value, slope, strict=True)
    )


def _alt(site: str, name: str, rows: Sequence[InputRow]) -> str:
    said = "; ".join(f"{r.arm} at its {r.when} {number(r.mean)} ± {number(r.spread)}" for r in rows)
    return f"What the {name} of layer {site} receives, mean ± spread, median over seeds: {said}."
