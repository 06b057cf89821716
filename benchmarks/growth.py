"""Lines of their own: evaluation and readings, rows, cores, widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import alternate, verdict
from benchmarks.team import Entry, Team, cores

EVALUATION_SHARE, READINGS_SHARE = 0.30, 0.10


def judging(folder: Path, budgets: tuple[int, ...], rounds: int, rows: int = 64) -> Iterator[str]:
    """What evaluation and readings add to the training time on W1."""
    team = Team(Entry("native", rows), "W1", folder, warm=1)
    try:
        for budget in budgets:
            setting_up, plain, judged, read = alternate(
                [
                    lambda: team.run(1),
                    lambda b=budget: team.run(b),
                    lambda b=budget: team.run(b, judged=True),
                    lambda b=budget: team.run(b, readings=True),
                ],
                rounds,
            )
            training = plain - setting_up
            for name, whole, limit in (
                ("evaluation", judged, EVALUATION_SHARE),
                ("readings", read, READINGS_SHARE),
            ):
                share = (whole - plain) / training
                yield (
                    f"{name} on W1, budget {budget:,}: {share:.1%} of the training time "
                    f"(at most {limit:.0%}: {verdict(share <= limit)})"
                )
    finally:
        team.close()


def rows_and_cores(folder: Path, rows: tuple[int, ...], steps: int, rounds: int) -> Iterator[str]:
    """How the time of W1 grows with rows, and shrinks with cores; setting up included."""
    team = Team(Entry("native", 1), "W1", folder, warm=1)
    try:
        parts = []
        for n in rows:
            (seconds,) = alternate([lambda n=n: team.run(steps, rows=n)], rounds if n < 1000 else 1)
            parts.append(f"{n:,}: {seconds:.3g} s ({seconds / n / steps * 1e6:.2f} µs)")
        yield f"rows of W1, {steps} steps each, setting up included (a step of a row): " + ", ".join(parts)
        most = len(cores())
        times = alternate(
            [
                lambda k=k: (
                    team.run(10 * steps, rows=8 * most, threads=k) - team.run(1, rows=8 * most, threads=k)
                )
                for k in range(1, most + 1)
            ],
            rounds,
        )
        each = [t / (10 * steps - 1) / (8 * most) * 1e6 for t in times]
        parts = [f"{k}: {t:.2f} µs ({each[0] / t:.2f} × one)" for k, t in enumerate(each, 1)]
        yield "cores on W1: " + ", ".join(parts)
    finally:
        team.close()


def widths(folder: Path, tried: tuple[int, ...], seconds: float, rounds: int) -> Iterator[str]:
    """From which width on the native engine no longer pays against the loop; W1 with wider hidden layers."""
    parts, stops = [], None
    for width in tried:
        name = f"wide:{width}"
        native = Team(Entry("native", max(2, 2 * len(cores())) if width >= 512 else 16), name, folder, warm=1)
        loops = [Team(Entry("loop", 1, a_core=a_core), name, folder, warm=1) for a_core in (True, False)]
        try:
            setting_up, ten = native.run(1), native.run(11)
            a_step = max(1e-6, (ten - setting_up) / 10)
            n = max(4, min(5000, round(seconds / a_step)))
            slow = max(2, round(seconds / max(1e-6, loops[0].run(2) / 2)))
            own, *others = alternate(
                [
                    lambda t=native, n=n: (t.run(n + 1) - t.run(1)) / n / t.n_rows * 1e6,
                    *(lambda t=t, n=slow: t.run(n) / n / t.n_rows * 1e6 for t in loops),
                ],
                rounds,
            )
        finally:
            for team in (native, *loops):
                team.close()
        factor = min(others) / own
        parts.append(f"{width}: {own:.4g} µs ({factor:.2f} × faster)")
        if factor < 1 and stops is None:
            stops = width
    yield "width of W1's hidden layers, native (against the loop): " + ", ".join(parts)
    if stops is None:
        yield f"native pays against the loop at every width tried, up to {tried[-1]:,}"
    else:
        yield f"native stops paying against the loop at a width of {stops:,}"
