"""All rounding of numbers for text."""

from __future__ import annotations

import math

from hunch.stats import MANY_SEEDS


def number(value: float, digits: int = 3) -> str:
    """A number for reading: three significant digits, thousands separated.

    Example:
        >>> [number(x) for x in (0.25, 3.1416, 12345.0, 0.0000123, -0.0, float("nan"))]
        ['0.25', '3.14', '12,300', '1.23e-5', '0', 'unknown']
    """
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0:
        return "0"
    if 1e-4 <= abs(rounded) < 1e6:
        text = f"{abs(rounded):,.{max(0, digits - 1 - math.floor(math.log10(abs(rounded))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, exponent = f"{abs(rounded):.{digits - 1}e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"−{text}" if value < 0 else text


def ratio(value: float) -> str:
    """A ratio for reading: a fourth digit near 1, where three would hide on which side it lies.

    Example:
        >>> ratio(3.148), ratio(1.0042), ratio(0.9871)
        ('3.15', '1.004', '0.987')
    """
    return number(value, 4 if 1 <= value < 1.1 else 3)


def percent(share: float) -> str:
    """A share in per cent.

    Example:
        >>> percent(0.35), percent(1.0)
        ('35 %', '100 %')
    """
    return f"{number(100 * share)} %"


def iterations(time: float, budget: float) -> str:
    """Iterations to the target as a whole number; "> budget" where it was not reached.

    Example:
        >>> iterations(1203.6, 2000), iterations(float("inf"), 2000)
        ('1,204', '> 2,000')
    """
    if math.isnan(time):
        return "unknown"
    return f"{round(time):,}" if time <= budget else f"> {round(budget):,}"


def level(alpha: float) -> str:
    """The level of an interval.

    Example:
        >>> level(0.05), level(0.05 / 2), level(0.05 / 3)
        ('95 %', '97.5 %', '98.33 %')
    """
    return f"{100 * (1 - alpha):.4g} %"


def seeds_text(n: int) -> str:
    """A number of seeds; what is beyond 10,000 is not told apart.

    Example:
        >>> seeds_text(1), seeds_text(20), seeds_text(10_001)
        ('1 seed', '20 seeds', 'more than 10,000 seeds')
    """
    if n > MANY_SEEDS:
        return f"more than {MANY_SEEDS:,} seeds"
    return f"{n:,} seed{'' if n == 1 else 's'}"


def keep_text(keep_prob: float) -> str:
    """A keep probability in both conventions.

    Example:
        >>> keep_text(0.8)
        'keep 0.8 (PyTorch nn.Dropout(p=0.2))'
    """
    return f"keep {keep_prob:.10g} (PyTorch nn.Dropout(p={1 - keep_prob:.10g}))"
