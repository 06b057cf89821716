"""Dose-response curves: whole calls of `hunch.tune`, against the same runs in a plain PyTorch loop."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from benchmarks.study import loop_seconds
from benchmarks.table import verdict

NETWORK = ((64, 12, 10), "relu")


def dose_response(seeds: int, grid_seeds: int, budget: int, sampled: int) -> Iterator[str]:
    """Nine doses of keep_prob, and a grid of seven by seven with λ, on 64-12-10 and the digits.

    Args:
        seeds: Seeds of the nine doses.
        grid_seeds: Seeds of the grid.
        budget: Iterations of a run.
        sampled: Runs of each dose that the loop makes on each core.
    """
    import hunch

    given = hunch.Arm("given", optimizer="momentum", lr=0.05, batch_size=50)
    tuned = hunch.Arm("tuned", optimizer="momentum", batch_size=50)
    keeps = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]
    grid = [[0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]]
    one, two = {"knob": "keep_prob", "doses": keeps}, {"knob": ["keep_prob", "l2"], "doses": grid}
    calls: tuple[tuple[str, Any, dict[str, Any], float | None], ...] = (
        (f"9 doses of keep_prob × {seeds} seeds, rate given", given, one, 10.0),
        (f"9 doses of keep_prob × {seeds} seeds, rate tuned anew for each", tuned, one, None),
        (f"7 × 7 doses of keep_prob and l2 × {grid_seeds} seeds, rate given", given, two, 40.0),
    )
    for what, arm, asked, limit in calls:
        n = grid_seeds if len(asked["doses"]) == 2 else seeds
        started = time.perf_counter()
        found = hunch.tune(
            hunch.mlp(*NETWORK), "digits", arm=arm, budget=budget, seeds=n, fresh=0, engine="native",
            tuning="replicated", progress=False, **asked,
        )  # fmt: skip
        str(found)
        native = time.perf_counter() - started
        steps: dict[str, int] = defaultdict(int)
        for trace in found.table:
            steps[trace.key.arm] += trace.key.budget
        arms = {a.name: a for a in found.plan.arms}
        rates = dict(found.plan.rates)
        loop = loop_seconds(NETWORK, [(arms[name], rates[name]) for name in steps], budget, sampled, steps)
        judged = "" if limit is None else f", at most {limit:g}: {verdict(native <= limit)}"
        whole = f"native {native:.1f} s in all{judged}"
        loops = f"{loop:.0f} s (from {sampled} runs a dose and core, scaled by steps)"
        yield (
            f"{what}, {budget:,} steps: {len(found.table)} runs with the pilot's: {whole}; the same runs in the loop "
            f"(a), one process a core, evaluated alike: {loops}: {loop / native:.1f} × faster"
        )
