"""How often statements on doses are false: counted over simulated studies and written to docs/validation-doses.md.

    python -m benchmarks.validate_doses            about a quarter of an hour of one core
    python -m benchmarks.validate_doses --quick    a tenth of the studies, printed and not written

Seeds are fixed beforehand. A rate above its limit is printed as it is.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import dose_rates, dose_rivals, equivalent_rates
from benchmarks.dose_rates import ALPHA, SEEDS, Cell
from benchmarks.simulated_doses import CURVES, OTHERS, SHAPES

PAGE = Path(__file__).parents[1] / "docs" / "validation-doses.md"
Rows = Iterator[str]


class Page:
    """Lines of the page, and every rate that is beyond its limit."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.missed: list[str] = []

    def limit(self, n: int) -> float:
        return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n)

    def rate(self, value: float, n: int, what: str) -> str:
        """A rate, in bold and noted if it is above alpha by more than three Monte-Carlo errors."""
        if not value > self.limit(n):
            return "" if math.isnan(value) else f"{value:.3f}"
        self.missed.append(f"| {what} | {value:.3f} |")
        return f"**{value:.3f}**"

    def cells(self, k: int, n_studies: int) -> Rows:
        yield "| truth | runs | n | best excluded | falsely certified | falsely flagged | above its upper bound | below its lower bound | default wrong | certified | not excluded |"  # noqa: E501
        yield "|---|---|---|---|---|---|---|---|---|---|---|"
        for cell in dose_rates.cells(k, n_studies):
            yield self.row(cell)

    def row(self, cell: Cell) -> str:
        r, where = cell.rates, f"{cell.k} doses, {cell.curve}, {cell.shape}, n = {cell.n}"
        named = {
            "best excluded": r.excluded, "falsely certified": r.certified, "falsely flagged": r.worse,
            "above its upper bound": r.gap_high, "below its lower bound": r.gap_low, "default wrong": r.default,
        }  # fmt: skip
        rates = " | ".join(self.rate(v, cell.n_studies, f"{where}: {name}") for name, v in named.items())
        return (
            f"| {cell.curve} | {cell.shape} | {cell.n} | {rates} | {cell.n_certified:.1f} of {cell.n_near:.0f} "
            f"| {cell.n_left:.1f} |"
        )

    def nine(self) -> Rows:
        yield from self.cells(9, 2 * self.n)

    def grid(self) -> Rows:
        yield from self.cells(49, self.n)

    def price(self) -> Rows:
        yield "| n | 9 doses | 49 doses |"
        yield "|---|---|---|"
        for n in SEEDS:
            nine, grid = (dose_rivals.smallest_margin(n, k, self.n // 4) for k in (9, 49))
            yield f"| {n} | {nine:.1f} | {grid:.1f} |"

    def tails(self) -> Rows:
        yield "| runs | n | marked, all doses | marked, the most marked dose | best excluded | best excluded, nothing marked | falsely certified, worst truth | default wrong, worst truth | default wrong, of all studies |"  # noqa: E501
        yield "|---|---|---|---|---|---|---|---|---|"
        for shape in (*SHAPES, *OTHERS):
            for n in SEEDS:
                t = dose_rivals.tails(shape, n, self.n)
                worst = [dose_rates.cell(curve, shape, n, 9, self.n).rates for curve in CURVES]
                shown = {
                    "best excluded": t["excluded"], "best excluded, nothing marked": t["all in"],
                    "falsely certified": max(r.certified for r in worst),
                    "default wrong": max(r.default for r in worst),
                    "default wrong, of all studies": t["default of all"],
                }  # fmt: skip
                what = f"9 doses, flat or worst truth, {shape}, n = {n}, heavy tails"
                rates = " | ".join(self.rate(v, self.n, f"{what}: {name}") for name, v in shown.items())
                yield f"| {shape} | {n} | {t['marked']:.3f} | {t['most marked']:.3f} | {rates} |"

    def display(self) -> Rows:
        yield "| runs | n | any dose's simultaneous interval misses | the worst dose's plain interval misses |"
        yield "|---|---|---|---|"
        for shape in SHAPES:
            for n in SEEDS:
                found = dose_rates.display_rates(shape, n, self.n)
                rates = " | ".join(
                    self.rate(v, self.n, f"9 doses, {shape}, n = {n}: interval, {name}")
                    for name, v in found.items()
                )
                yield f"| {shape} | {n} | {rates} |"

    def spread(self) -> Rows:
        yield "| truth | runs | n | mean tunability | true spread below the lower bound | above the upper bound |"
        yield "|---|---|---|---|---|---|"
        for shape in SHAPES:
            for curve in CURVES:
                for n in SEEDS:
                    found = dose_rates.spread_rates(curve, shape, n, self.n)
                    what = f"9 doses, {curve}, {shape}, n = {n}: spread,"
                    rates = " | ".join(
                        self.rate(found[k], self.n, f"{what} {k} bound") for k in ("low", "high")
                    )
                    yield f"| {curve} | {shape} | {n} | {found['value']:.1f} | {rates} |"

    def noise(self) -> Rows:
        yield "| runs | n | told apart |"
        yield "|---|---|---|"
        for shape in SHAPES:
            for n in SEEDS[1:]:
                rate = dose_rates.noise_rate(shape, n, self.n)
                yield f"| {shape} | {n} | {self.rate(rate, self.n, f'noise of two knobs, {shape}, n = {n}')} |"

    def equivalent(self) -> Rows:
        yield "| the same is done | runs | n | left out | empty | unbounded | cells in the set, of 8 |"
        yield "|---|---|---|---|---|---|---|"
        for place in equivalent_rates.PLACES:
            for shape in SHAPES:
                for n in SEEDS:
                    f = equivalent_rates.found(place, shape, n, self.n)
                    out = self.rate(
                        f.left_out, self.n, f"equivalent doses, {place}, {shape}, n = {n}: left out"
                    )
                    yield f"| {place} | {shape} | {n} | {out} | {f.empty:.3f} | {f.open:.3f} | {f.n_cells:.1f} |"

    def pooled(self) -> Rows:
        yield "| runs | n | doses | one variance for all | pairwise |"
        yield "|---|---|---|---|---|"
        for shape in dose_rates.PROMISED:
            for n, k in ((5, 9), (10, 9), (20, 9), (40, 9), (10, 49)):
                one, own = dose_rivals.excluded_by_pooling(shape, n, k, self.n)
                yield f"| {shape} | {n} | {k} | {one:.3f} | {own:.3f} |"

    def cubic(self) -> Rows:
        yield "| truth | n | best excluded | falsely certified | above its upper bound | certified | all pairs: best excluded | falsely certified | above its upper bound | certified |"  # noqa: E501
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for curve in CURVES:
            for n in (10, 20, 40):
                found = dose_rivals.cubic_rates(curve, n, self.n)
                own = dose_rates.cell(curve, "gaussian", n, 9, self.n)
                yield (
                    f"| {curve} | {n} | {found['excluded']:.3f} | {found['certified']:.3f} | {found['gap']:.3f} "
                    f"| {found['n_certified']:.1f} | {own.rates.excluded:.3f} | {own.rates.certified:.3f} "
                    f"| {own.rates.gap_high:.3f} | {own.n_certified:.1f} |"
                )

    def widening(self) -> Rows:
        yield "| runs | doses | n | best excluded: Student's t alone | union with Hall's | as it is done | margin certified: Student's t alone | union with Hall's | as it is done |"  # noqa: E501
        yield "|---|---|---|---|---|---|---|---|---|"
        asked = [(shape, n, 9) for shape in (*SHAPES, "unequal, left-skewed", OTHERS[3]) for n in SEEDS]
        for shape, n, k in [*asked, ("gaussian", 10, 49), ("unequal lognormal", 10, 49)]:
            found = dose_rivals.widening(shape, n, k, self.n)
            rates = " | ".join(f"{rate:.3f}" for rate, _ in found.values())
            yield f"| {shape} | {k} | {n} | {rates} | {' | '.join(f'{m:.1f}' for _, m in found.values())} |"


def sections(page: Page) -> list[tuple[str, Callable[[], Rows], str]]:
    return [
        ("Nine doses", page.nine, _NINE),
        ("Two knobs: 49 doses", page.grid, _GRID),
        ("What it takes to certify", page.price, _PRICE),
        ("Heavy tails, and which doses are marked", page.tails, _TAILS),
        ("Intervals for display", page.display, _DISPLAY),
        ("Tunability", page.spread, _SPREAD),
        ("Noise of two knobs", page.noise, _NOISE),
        ("Equivalent doses", page.equivalent, _EQUIVALENT),
        ("Why every pair has its own variance", page.pooled, _POOLED),
        ("Why nothing is read off a smooth curve", page.cubic, _CUBIC),
        ("Why bounds of skewed pairs are widened", page.widening, _WIDENING),
    ]


def render(n: int) -> str:
    page = Page(n)
    lines = [_HEAD.format(n=n)]
    for title, rows_of, about in sections(page):
        start = time.perf_counter()
        lines += [f"\n## {title}\n\n{about}\n", *rows_of()]
        print(f"{title}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return "\n".join([*lines, _ABOVE, *(page.missed or ["| none | |"])]) + "\n"


_HEAD = """# How often statements on doses are false, measured

Written by `python -m benchmarks.validate_doses` ({n} simulated studies a cell, twice as many in the first table; seeds
fixed beforehand); `pytest tests/stats -m slow -k dose` asserts what is promised. A rate in bold is above 0.05 by more
than three Monte-Carlo errors; all of them stand again at the end. The functions are `hunch.stats.dose_curve`,
`default_loss`, `tunability` and `equivalent_doses`; alpha is 0.05.

## What is promised

With the margin stated beforehand, "best" meaning the best of the stable doses, and each with its own alpha:

- *Each* true best dose is excluded as best with probability at most alpha; *any* dose that loses more than the margin
  is certified near-optimal with probability at most alpha; *each* dose that loses no more is flagged as worse by more
  than the margin with probability at most alpha. Upper bounds of what doses lose hold together, lower bounds each.
- A default that was declared beforehand is falsely called good enough, or not good enough, with probability at most
  alpha.
- A dose in the tested range that does the same as the reference is left out of the set of equivalent doses with
  probability at most alpha, if between neighbouring tested doses the mean only rises or only falls.

These hold exactly where differences between doses are Gaussian, whatever their variances and correlations. For skewed
runs of equal spread, for heavy tails and for rounded outcomes they are measured below, not proven.

**Not promised: runs that are strongly skewed and spread unequally** (a steady dose against one that varies five times
as much, with a long tail upward). A few runs of the wide dose seldom show its tail, so its mean looks lower than it
is. The steady dose, as good in truth, is excluded as best about four times as often as promised with nine doses and
seven times with 49; a wide dose that loses too much is certified as often; more seeds help slowly. **Nor is it
promised where some doses get stuck now and then and others never:** with ten seeds, more than a third of the studies
exclude a best dose that never gets stuck, or certify a bad one that does, because it happened not to. Intervals for
display are no statements on doses: where runs are skewed, one of nine or more misses in up to a sixth of the studies.
"""
_NINE = """True curves over nine doses x in 0..1: quadratic, best in the middle; skewed, steep on one side and
shallow on the other; hockey-stick, five best doses and then a rise; flat, all nine best; cliff, best at
the high end only, all others alike. The margin lies a hair below what the mildest of the bad doses
loses, 0.50 (one standard deviation of a run) and 2.00 for the cliff: certifying that dose is false by a
hair (flagging is judged with the margin a hair above it). The flat truth is the hardest for exclusion,
the cliff, where eight doses lose a hair too much and can be certified, for certification. Runs: standard
deviation 0.5 about the curve, Gaussian or lognormal (sigma 0.8), or spread unequally, from 1.25 at the
low end to 0.25 at the high one, Gaussian or lognormal; all with an effect of the seed that is common to
all doses. Best excluded, falsely flagged, below its lower bound, default wrong: the rate of the worst
dose, among the studies in which it is stable. Certified: doses on average, of those that lose no more
than the margin."""
_GRID = """Both knobs' curves add up on the 7 × 7 grid, whose margins are 0.44 to 0.67, again a hair below what the
mildest bad dose loses; alpha is shared by 48 comparisons. Excluding works as well as with nine doses:
where one dose is best, about a quarter of the grid is left at n = 10. Certifying costs more: next to
nothing is certified at n = 10 with a margin of one standard deviation; the next table says what is."""
_PRICE = """The margin, in standard deviations of a run (seed effects aside), at which a best dose of a flat,
Gaussian truth is certified in half of the studies. Bonferroni over 48 comparisons is useful at n = 10
for excluding doses, and for margins of several standard deviations; for finer ones a grid needs 20 to 40
seeds."""
_TAILS = """A dose of which a tenth of the runs or more (and at least two) lie eight robust standard deviations out
is marked as unstable, from ten seeds on. Alpha stays shared by all doses, so that of all studies no more
exclude a true best, whichever doses are left out; beside it stand the same studies with nothing marked.
Best excluded: the worst dose of a flat truth, among the studies in which it is not marked; default
wrong: likewise, and of all studies. A default that gets stuck now and then looks better where it happens
not to be marked, and is then called good enough too often; of all studies, the promise, it is not.
Stuck: 15 % of the runs lie ten standard deviations above the others. Rounded: to one standard deviation."""
_DISPLAY = """Quadratic truth. Simultaneous: Bonferroni over the nine doses, seed effects removed; it is about how far
a dose lies from the mean of all doses. Plain: one dose's mean, seed effects included, each at 0.05 (the
worst of the nine)."""
_SPREAD = """(Worst - best mean) over the simultaneous half-width. A flat curve has a tunability of 0.6 to 1, because
the worst mean is the worst by chance; the bounds take account of that."""
_NOISE = """Two knobs of nine doses each whose runs scatter alike over the same seeds: how often the interval of
`hunch.stats.noise_ratio` tells them apart."""
_EQUIVALENT = """Nine doses of the second knob from 1e-4 to 1; its outcome falls in an S over log dose (or, "twice" and
"touched", is a bowl), with runs as above; the reference is one more dose on the same seeds, the one that
spreads least. Left out: has an entry where a dose in the tested range does the same. The rates are far
below alpha where the curve crosses the reference, because then both ends of a cell must be told apart to
the same side; they are higher where it only touches it. Just below the range, the set rightly goes on
beyond it; far beyond, it is rightly empty once seeds are many. A bump between two tested doses would not
be seen at all."""
_POOLED = """How often the worst of nine (or 49) best doses, a flat truth, is excluded as best. One variance for all
with Dunnett's quantile is Hsu's comparison with the best."""
_CUBIC = """A cubic through the nine means, 200 resamplings of the seeds, 5 and 95 % percentiles of what a dose
loses; Gaussian runs. It certifies more, and where the truth is no cubic more seeds make it worse: it is
sure of the wrong curve."""
_WIDENING = """A flat truth: how often the worst dose is excluded, and the margin, in standard deviations of a run, at
which the dose in the middle is certified in half of the studies. Student's t alone is exact for Gaussian
differences; the union with Hall's interval where |skewness| > 0.5 takes a fifth to a third off the rate
where runs are skewed and spread unequally, but far in the tails it is often so wide that nothing is
certified. As it is done: the union, on either side at most half as wide again as Student's."""
_ABOVE = """
## Where alpha is exceeded

Every rate above that is beyond 0.05 by more than three Monte-Carlo errors, the three last sections aside.

| simulated | rate |
|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    page = render(400 if quick else 4_000)
    print(page) if quick else PAGE.write_text(page)


if __name__ == "__main__":
    main()
