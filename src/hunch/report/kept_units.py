"""The law of kept units in words: a table with bars, what follows from it, and one row a layer for a network."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hunch.evidence import keep_text, number, percent
from hunch.stats import KeptUnits

MOST_ROWS = 16
WIDTH = 100
LONGEST_BAR = 40
NARROW_RULE = (
    "Too narrow is a relative noise above 1/6: losing half of the layer's signal is then less than three standard "
    'deviations away. dropout="exact" steadies the number of kept units; dropout="gaussian" has the same spread, but '
    "never switches the layer off."
)
LEFT_OUT = 5e-4
"""Counts with less chance than that on either side share one row."""
SMALLEST = 1e-12
"""Of chances below it is only said that they are."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class CountRow:
    """Counts of kept units that are shown together.

    Args:
        fewest: The least of them.
        most: The greatest of them.
        chance: Chance of one of them.
        is_tail: Whether it is what was left out on one side.
    """

    fewest: int
    most: int
    chance: float
    is_tail: bool = False

    @property
    def label(self) -> str:
        """`11`, `486 to 490`, `7 or fewer`, `539 or more`."""
        if self.fewest == self.most:
            return f"{self.most:,}"
        if self.is_tail:
            return f"{self.most:,} or fewer" if self.fewest == 0 else f"{self.fewest:,} or more"
        return f"{self.fewest:,} to {self.most:,}"


def count_rows(law: KeptUnits, *, most: int = MOST_ROWS, tail: float = LEFT_OUT) -> list[CountRow]:
    """The law as at most that many rows of equally many counts, with what is left out at either end.

    Args:
        law: Of bernoulli or exact dropout.
        most: The most rows beside the ends.
        tail: Chance that each end leaves out, at most.

    Returns:
        From most kept units to fewest; the chances sum to 1.

    Example:
        >>> [row.label for row in count_rows(KeptUnits(12, 0.8))][-2:]
        ['4', '3 or fewer']
    """
    fewest, highest = law.window(tail)
    size = -(-(highest - fewest + 1) // most)
    rows: list[CountRow] = []
    if highest < law.support[-1]:
        rows.append(CountRow(highest + 1, law.support[-1], law.above(highest), is_tail=True))
    for top in range(highest, fewest - 1, -size):
        bottom = max(top - size + 1, fewest)
        chance = float(law.probability(range(bottom, top + 1)).sum())
        rows.append(CountRow(bottom, top, chance))
    if fewest > law.support[0]:
        rows.append(CountRow(law.support[0], fewest - 1, law.at_most(fewest - 1), is_tail=True))
    return rows


def law_title(law: KeptUnits) -> str:
    """The layer and its dropout in one line.

    Example:
        >>> law_title(KeptUnits(12, 0.8))
        '12 units, keep 0.8 (PyTorch nn.Dropout(p=0.2)), bernoulli dropout'
    """
    return f"{_units(law.units)}, {keep_text(law.keep_prob)}, {law.dropout} dropout"


def law_text(law: KeptUnits, *, width: int = WIDTH) -> str:
    """The whole law as text: a table with bars, then what follows from it.

    Args:
        law: The law.
        width: Longer lines are wrapped, in characters.
    """
    bar = min(LONGEST_BAR, width // 2)
    lines = [law_title(law), ""]
    if law.dropout != "gaussian":
        rows = count_rows(law)
        highest = max(row.chance for row in rows)
        wide = max(len("units kept"), *(len(row.label) for row in rows))
        chances = [percent(row.chance) for row in rows]
        second = max(len("chance"), *map(len, chances))
        lines.append(f"  {'units kept':>{wide}}  {'chance':>{second}}")
        for row, chance in zip(rows, chances, strict=True):
            drawn = _bar(row.chance / highest, bar)
            lines.append(f"  {row.label:>{wide}}  {chance:>{second}}  {drawn}".rstrip())
        lines.append("")
    facts = law_facts(law)
    first = max(len(name) for name, _ in facts)
    for name, text in facts:
        lines.append(_wrapped(f"  {name:<{first}}  {text}", width, " " * (first + 4)))
    if law.too_narrow:
        lines += ["", _wrapped(f"  Too narrow: {narrow_text(law)}.", width, "  ")]
        lines += [_wrapped(f"  {NARROW_RULE}", width, "  ")]
    return "\n".join(lines)


def law_facts(law: KeptUnits) -> list[tuple[str, str]]:
    """What follows from the law, as pairs of a name and a text."""
    gaussian = law.dropout == "gaussian"
    facts = [
        ("mean", f"{'worth ' if gaussian else ''}{number(law.mean, 6)} of {_units(law.units)}"),
        ("spread", f"{number(law.sd)} {_noun(law.sd)} (standard deviation)"),
        ("relative noise", f"{percent(law.relative_noise)} of the mean"),
    ]
    if gaussian:
        facts.append(("nothing dropped", "always: no unit is dropped, so there is no number of kept units"))
    else:
        facts += [
            ("nothing dropped", _how_often(law.none_dropped)),
            ("all dropped", _how_often(law.all_dropped)),
        ]
    facts += [
        ("exact", _exact(law)),
        (
            "whole steps",
            f"a fixed number of kept units moves keep by 1/{law.units:,} ({number(1 / law.units)}) a unit",
        ),
        ("gaussian", _gaussian(law)),
    ]
    if abs(law.realised - law.keep_prob) > 1e-9:
        facts.append(("in training", f"keep {law.realised:.10g}, as masks are drawn with 16 bits"))
    return facts


def narrow_text(law: KeptUnits) -> str:
    """By how much a layer is too narrow for its dose, and what there is to do.

    Example:
        >>> narrow_text(KeptUnits(12, 0.5, "gaussian"))
        'noise 28.9 %; wide enough: keep 0.75 or more, or 36 units or more'
    """
    noise = f"noise {percent(law.relative_noise)}"
    if law.dropout == "exact":
        return f"{noise}; exactly k units are kept at keep k/{law.units} with whole k"
    wide = f"wide enough: keep {_up(law.least_keep)} or more, or {_units(law.least_units)} or more"
    if law.dropout == "gaussian":
        return f"{noise}; {wide}"
    alternative = f'dropout="gaussian" of equal variance: N(1, {number(law.matched_gaussian_sd)}²)'
    return f"{noise}; {wide}; {alternative}"


def laws_text(laws: Mapping[str, KeptUnits], *, width: int = WIDTH) -> str:
    """The laws of a network's layers as one table, a row a layer, and a line for each that is too narrow.

    Args:
        laws: Site → law.
        width: Longer sentences are wrapped, in characters; the table is not.
    """
    kinds = {law.dropout for law in laws.values()}
    head = [("", "", "", "", "none", "all", "", ""), ("layer", "units", "keep", "kept", "dropped", "dropped", "noise",
            "none     all")]  # fmt: skip
    rows = [*head, *(_layer_row(site, law) for site, law in laws.items())]
    kind_of = ["", "dropout", *(law.dropout for law in laws.values())]
    wide = [max(len(row[k]) for row in rows) for k in range(len(head[0]))]
    lines: list[str] = []
    for row, kind in zip(rows, kind_of, strict=True):
        cells = [
            f"{cell:<{w}}" if k in (0, 7) else f"{cell:>{w}}"
            for k, (cell, w) in enumerate(zip(row, wide, strict=True))
        ]
        if len(kinds) > 1:
            cells.insert(3, f"{kind:<9}")
        lines.append(f"  {'  '.join(cells)}".rstrip())
    narrow = {site: law for site, law in laws.items() if law.too_narrow}
    if narrow:
        lines.append("")
        for site, law in narrow.items():
            lines.append(_wrapped(f"  Layer {site} is too narrow: {narrow_text(law)}.", width, "    "))
        lines.append(_wrapped(f"  {NARROW_RULE}", width, "  "))
    return "\n".join(lines)


def _layer_row(site: str, law: KeptUnits) -> tuple[str, ...]:
    counted = law.dropout != "gaussian"
    return (
        site,
        f"{law.units:,}",
        f"{law.keep_prob:.6g}",
        f"{number(law.mean, 4)} ± {number(law.sd)}",
        _rare(law.none_dropped) if counted else "–",
        _rare(law.all_dropped) if counted else "–",
        percent(law.relative_noise),
        _sparkline(law) if counted else "",
    )


def _sparkline(law: KeptUnits, cells: int = 12) -> str:
    """The law over the kept share from none (left) to all (right), a character a twelfth."""
    edges = [math.ceil(law.units * k / cells - 1e-9) for k in range(cells)] + [law.units + 1]
    shares = [
        law.at_most(high - 1) - law.at_most(low - 1) if low < high else 0.0 for low, high in pairwise(edges)
    ]
    highest = max(shares)
    return "".join(_HEIGHTS[math.ceil(8 * share / highest - 1e-3)] for share in shares)


def _wrapped(line: str, width: int, indent: str) -> str:
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False,
        replace_whitespace=False, drop_whitespace=True,
    )  # fmt: skip


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _how_often(chance: float) -> str:
    if chance in (0.0, 1.0):
        return "never" if chance == 0 else "always"
    if chance < SMALLEST:
        return f"chance below {number(100 * SMALLEST)} %"
    return f"chance {percent(chance)}, one example in {number(1 / chance)}"


def _rare(chance: float) -> str:
    return f"< {number(100 * SMALLEST)} %" if 0 < chance < SMALLEST else percent(chance)


def _exact(law: KeptUnits) -> str:
    least, one_more = law.exact_steps
    if not one_more:
        return f'dropout="exact" keeps {least:,} in every example'
    return f'dropout="exact" keeps {least:,}, or {least + 1:,} in {percent(one_more)} of the examples'


def _gaussian(law: KeptUnits) -> str:
    sd = law.matched_gaussian_sd
    flips = f"; the sign flips in {percent(law.sign_flips)}" if law.sign_flips >= 1e-3 else ""
    return f'dropout="gaussian" multiplies each unit by N(1, {number(sd)}²): equal mean and variance{flips}'


def _units(n: int) -> str:
    return f"{n:,} unit{'' if n == 1 else 's'}"


def _noun(amount: float) -> str:
    return "unit" if amount == 1 else "units"


def _up(share: float) -> str:
    """A share with three decimals, rounded up, so that what is advised is enough."""
    return f"{math.ceil(share * 1000 - 1e-9) / 1000:g}"


def describe_laws(laws: Sequence[KeptUnits]) -> str:
    """The laws in a sentence, for those who do not see the picture."""
    said = [
        f"{law_title(law)}: mean {number(law.mean, 6)}, standard deviation {number(law.sd)}" for law in laws
    ]
    return f"How many units dropout keeps. {'; '.join(said)}."
