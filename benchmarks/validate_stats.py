"""How often are verdicts wrong? Counted over simulated studies, family by family, and written to docs/validation.md.

    python -m benchmarks.validate_stats            about ten minutes
    python -m benchmarks.validate_stats --quick    a tenth of the studies, printed and not written

Seeds are fixed beforehand. A rate above its limit is printed as it is.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import error_rates

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
REAL = "\n## Real training\n"  # by benchmarks/audit_1000.py

SECTIONS = (
    ("Arms that differ in nothing, stopped when it looks best", error_rates.stopping, 5,
     "Promised: at most alpha. Margin 0, nobody gives up; Gaussian differences where nothing else is said."),
    ("Arms of equal shape", error_rates.equal_shapes, 1,
     "Promised: at most alpha, all four verdicts counted. Looks 10/20/40/80. True effects 0, 0.25, 0.5 and 0.8 "
     "standard deviations with a margin of 0.5, and 0 with a margin of 0.1, at correlations 0, 0.5 and 0.9: the worst "
     "of these fifteen rates is shown, so it lies a little above any one of them."),
    ("Arms of unequal shape", error_rates.unequal_shapes, 1,
     "Approximate: at most twice alpha. The same effects, and -0.25 and -0.5 too."),
    ("Smaller studies, fixed ones, and a sixth of alpha", error_rates.other_looks, 1,
     "Limits: alpha for equal shapes, twice alpha for unequal ones; true effects 0 and 0.5 (= margin). At a sixth of "
     "alpha (six claims) unequal shapes go beyond twice alpha / 6."),
    ("Runs that get stuck", error_rates.stuck, 1,
     "Not promised: a steady arm (spread 5 %) against one in which 15 % of the runs take five times as long, and "
        "two arms of the second kind."),
    ("`looks=\"anytime\"` where differences are not Gaussian", error_rates.anytime, 1,
     "Not promised: the truth left out at the best of 76 looks."),
    ("`robust=True`", error_rates.robust, 1,
     "Promised: at most alpha, with no assumption on shape, at any of the looks."),
    ("Six claims", error_rates.several_claims, 2,
     "Promised: any verdict wrong in at most alpha of the studies; with arms of unequal shape, about twice alpha."),
    ("Intervals", error_rates.coverage, 1,
     "How often the truth lies outside; the limit is alpha, and twice alpha for arms of unequal shape. The interval "
     "for new examples is approximate: the more of the cost a few examples make, the less do 300 of them show of the "
     "others like these."),
)  # fmt: skip


def render(n: int) -> str:
    lines = [_HEAD.format(n=n)]
    missed = []
    for title, rows_of, factor, about in SECTIONS:
        start = time.perf_counter()
        rows = list(rows_of(factor * n))
        lines += [f"\n## {title}\n\n{about}\n", "| simulated | rate | ± | limit | |", "|---|---|---|---|---|"]
        for row in rows:
            limit = "" if row.limit is None else f"{row.limit:.4f}"
            word = "no promise" if row.limit is None else "kept" if row.is_kept else "**exceeded**"
            lines.append(f"| {row.what} | {row.rate:.4f} | {row.error:.4f} | {limit} | {word} |")
            if not row.is_kept or (row.limit != row.alpha and row.rate > row.alpha):
                missed.append(f"| {title} | {row.what} | {row.rate:.4f} |")
        print(f"{title}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    lines += [_POWER]
    lines += [
        f"| {what} | {a:.4f} | {b:.4f} | {c:.1f} | {d:.2f} |" for what, a, b, c, d in error_rates.power(5 * n)
    ]
    lines += [_ABOVE, *(missed or ["| none | | |"])]
    return "\n".join(lines) + "\n"


def by_hand(page: str) -> str:
    """What was trained for real, or written by hand below it: it stays when the page is written anew."""
    _, real, rest = page.partition(REAL)
    return real + rest


_HEAD = """# How often verdicts are wrong, measured

Written by `python -m benchmarks.validate_stats` ({n} simulated studies a cell or more, seeds fixed beforehand);
`pytest tests/stats -m slow` asserts the limits. A rate is *kept* where it is at most its limit plus three
Monte-Carlo errors (± is one of them). The rule is that of `evidence/decide`, over differences of
log min(T, budget): `hunch.stats.decide_paths`.

## What is promised

- Arms that differ in nothing are told apart with probability at most alpha. With one look this holds for any shape,
  because the sign-flip test does (exactly up to 14 pairs; beyond, as well as 10,000 drawn flips stand for all). With
  several planned looks it is computed for Gaussian differences and measured for the other shapes below; the sum of
  the boundaries, 0.061 at alpha 0.05, bounds it for any shape. With `robust=True` it is proven for any shape and any
  stop, with `looks="anytime"` for Gaussian differences and any stop.
- Arms of equal shape: at most alpha of the verdicts are wrong, whatever they say (measured, not proven).
- Arms of unequal shape: about twice alpha at most. One claim of six, at a sixth of alpha, goes beyond twice its share:
  the smaller the share, the more an unequal shape costs, relative to it.
- `robust=True`: at most alpha, whatever the shape. Its price is below, under "Power": twice the pairs where the
  bounds lie 7 standard deviations off, and hardly a verdict within 80 pairs where they lie 15 off.
- Not promised: a steady arm against one that gets stuck now and then. There up to three times alpha are wrong.
"""
_POWER = """
## Power

Gaussian differences, margin 0.1 standard deviations, futility on; targets at 0.8: decided at least 0.95, at most
25 pairs with one claim and 29 with two. Early stops exaggerate: the last column is the mean effect of those supported.

| simulated | decided | supported | mean pairs | effect shown |
|---|---|---|---|---|"""
_ABOVE = """
## Where alpha is exceeded

Every rate above that is beyond its limit, and every one above alpha where less than alpha is promised.

| section | simulated | rate |
|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    page = render(400 if quick else 4_000)
    print(page) if quick else PAGE.write_text(page + by_hand(PAGE.read_text() if PAGE.exists() else ""))


if __name__ == "__main__":
    main()
