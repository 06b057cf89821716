"""What the readings are called in a report, and what they mean, in one line each."""

from __future__ import annotations

from dataclasses import dataclass

from hunch.evidence import GRADIENT_RANGE


@dataclass(frozen=True, slots=True)
class ReadingText:
    """How a reading is shown.

    Args:
        title: Heading of its charts.
        short: Column head in the terminal, at most 12 characters.
        definition: What it is, in one line.
        log: Whether it is drawn on a logarithmic axis (it runs over decades).
        bounded: Whether it lies in 0..1.
    """

    title: str
    short: str
    definition: str
    log: bool = False
    bounded: bool = False


READINGS: dict[str, ReadingText] = {
    "saturation": ReadingText(
        "Saturation",
        "saturation",
        "How far the activation's outputs lie from the middle of its range, on average over units and "
        "examples: 0 is the middle, 0.5 evenly spread, 1 at the ends. Bounded activations only.",
        bounded=True,
    ),
    "slope": ReadingText(
        "Slope",
        "slope",
        "Mean size of the activation's derivative, relative to its largest: what is left of a gradient that "
        "passes back through it.",
        bounded=True,
    ),
    "update_weight_relative": ReadingText(
        "Update of the weights",
        "Δw/w",
        "Length of one step's change of the weights, divided by the length of the weights.",
        log=True,
    ),
    "update_shift": ReadingText(
        "Update of the shift",
        "Δshift",
        "Length of one step's change of the shift: the norm's β where a norm follows it, else the bias.",
        log=True,
    ),
    "inactive": ReadingText(
        "Inactive units",
        "inactive",
        "Share of units whose slope is below 1 % of the largest on every example of the step's batch. With n "
        "examples such a unit may still be active on up to 3/n of the data.",
        bounded=True,
    ),
    "saturated": ReadingText(
        "Saturated values",
        "saturated",
        "Share of values (units times examples) whose slope is below 5 % of the largest. Bounded activations "
        "only.",
        bounded=True,
    ),
    "preactivation_mean": ReadingText(
        "Mean before the activation", "pre mean", "Mean of what the activation receives."
    ),
    "preactivation_spread": ReadingText(
        "Spread before the activation",
        "pre spread",
        "Standard deviation, over units and examples, of what the activation receives.",
        log=True,
    ),
    "gradient_norm": ReadingText(
        "Gradient",
        "gradient",
        "Length of the cost's gradient for the layer's weights, without the L2 term.",
        log=True,
    ),
    "update_weight": ReadingText(
        "Update of the weights, absolute", "Δw", "Length of one step's change of the weights.", log=True
    ),
    "gradient_growth": ReadingText(
        "Growth of the gradient on its way back",
        "grad growth",
        "Natural log of how many times the gradient of a layer's weights is as long as that of the next layer's: "
        "above 0 it grows on its way back, below 0 it shrinks.",
    ),
    "gradient_change": ReadingText(
        "Change of the gradient over the step",
        "Δgradient",
        "How far the gradient moves when the step is taken along it at half, once and twice the learning rate, on the "
        "same batch and masks: the largest of the three lengths.",
        log=True,
    ),
    "gradient_predictiveness": ReadingText(
        "Gradient predictiveness",
        "predictive",
        "The change of the gradient over the step, divided by the gradient's length: 0 where the gradient says all "
        "about where it leads, so small is predictable.",
        log=True,
    ),
    "gradient_cosine": ReadingText(
        "Direction of the gradient after the step",
        "grad cosine",
        "Cosine between the gradient before and after the step, the smallest of the three step sizes: 1 where it "
        "points the same way.",
    ),
}
"""Every reading, the ones that every report shows first."""

SHOWN = ("saturation", "slope", "update_weight_relative", "update_shift", "inactive")
"""What every report shows; a reading that a claim is about is added."""

DERIVED = {GRADIENT_RANGE: "Range of the gradients over the layers"}
"""What is made of readings, and compared between arms, but not drawn."""


def title_of(reading: str) -> str:
    """What a reading is called.

    Example:
        >>> title_of("slope"), title_of("gradient_range")
        ('Slope', 'Range of the gradients over the layers')
    """
    return READINGS[reading].title if reading in READINGS else DERIVED[reading]
