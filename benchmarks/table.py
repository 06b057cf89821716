"""The main table: contestants in alternation, medians, and what was promised beside them."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.floor import SIZES, operations
from benchmarks.native import reference_costs
from benchmarks.team import Entry, Team
from benchmarks.workloads import Workload, data_for

CHECKED_STEPS = 200
LETTERS = {
    "loop": "(a) PyTorch loop",
    "vmap": "(b) torch.func.vmap",
    "compile": "(c) torch.compile",
    "jax": "(d) JAX",
}
_REST_S = 0.2  # idle threads of the last contestant spin for a while


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: Timings of each contestant; the median counts.
        seconds: Length of one timing, about.
        peers: Which peers take part.
        levels: Instruction levels beside the best.
        native_rows: Rows of the native engine, in all.
        only_first: Try the first candidate of each peer only.
        checked_rows: Rows of the loop whose costs the others' are compared with.
    """

    rounds: int
    seconds: float
    peers: tuple[str, ...]
    levels: tuple[str, ...]
    native_rows: int = 64
    only_first: bool = False
    checked_rows: int = 8


@dataclass
class Contestant:
    """A team with the steps of one timing and what was measured (µs a step of one row on the whole machine)."""

    team: Team
    steps: int
    times: list[float]

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.times)


def measure(work: Workload, folder: Path, effort: Effort, say: Callable[[str], None]) -> list[str]:
    """Everything about one workload, as lines of the table."""
    data = data_for(work, folder)
    reference = reference_costs(work, data, effort.checked_rows, CHECKED_STEPS)
    teams: dict[str, list[Contestant]] = {}
    floor = Team(Entry("floor", 1), work.name, folder, warm=max(SIZES))
    try:
        rows = max(2, effort.native_rows)
        for level in ("", *effort.levels):
            team = Team(Entry("native", rows, level=level), work.name, folder, warm=1)
            teams[f"native {level}".strip()] = [_ready(team, work, effort)]
            if not level:
                check_costs(work, "native", team.costs(), reference)
        for peer in effort.peers:
            if peer == "jax" and importlib.util.find_spec("jax") is None:
                say(f"{work.name}: JAX is not installed (pip install 'hunch-lab[bench]')")
                continue
            say(f"{work.name}: {LETTERS[peer]}")
            teams[peer] = _entered(peer, work, folder, effort, reference)
        rates: dict[int, list[float]] = {size: [] for size in SIZES}
        say(f"{work.name}: {effort.rounds} rounds")
        for _ in range(effort.rounds):
            for size in SIZES:
                rates[size].append(operations(size) / floor.run(size) / 1e6)  # per µs
            for group in teams.values():
                for contestant in group:
                    time.sleep(_REST_S)
                    contestant.times.append(_microseconds(contestant))
        rate = max(statistics.median(r) for r in rates.values())
        return _lines(work, rate, {k: min(v, key=lambda c: c.median) for k, v in teams.items()})
    finally:
        floor.close()
        for group in teams.values():
            for contestant in group:
                contestant.team.close()


def check_costs(
    work: Workload, who: str, found: np.ndarray, reference: tuple[np.ndarray, np.ndarray]
) -> None:
    """Refuse to time a peer that does not train: its mean cost must fall as Hunch's loop's does.

    Raises:
        AssertionError: If it is off by more than four standard errors and a tenth of the fall.
    """
    before, after = reference
    spread = (found.var(ddof=1) / len(found) if len(found) > 1 else after.var()) + after.var(ddof=1) / len(
        after
    )
    allowed = 4 * spread**0.5 + 0.1 * (before.mean() - after.mean())
    assert after.mean() < before.mean(), f"{work.name}: the reference does not learn"
    assert abs(found.mean() - after.mean()) <= allowed, (
        f"{work.name}: {who} has cost {found.mean():.4f} after {CHECKED_STEPS} steps, Hunch's loop "
        f"{after.mean():.4f}"
    )


def _entries(peer: str, work: Workload, effort: Effort) -> list[Entry]:
    if peer == "loop":
        found = [Entry("loop", 1, a_core=True), Entry("loop", 1)]
    else:
        found = [Entry(peer, rows, a_core=a_core) for rows in work.rows[peer] for a_core in (True, False)]
    return found[-1:] if effort.only_first else found


def _entered(
    peer: str, work: Workload, folder: Path, effort: Effort, reference: tuple[np.ndarray, np.ndarray]
) -> list[Contestant]:
    """The candidates of a peer that go into the rounds: of the loop both ways, else the two best of a first timing."""
    made: list[Contestant] = []
    for k, entry in enumerate(_entries(peer, work, effort)):
        team = Team(entry, work.name, folder, warm=work.chunk)
        if k == 0:
            team.run(CHECKED_STEPS - work.chunk)
            check_costs(work, peer, team.costs(), reference)
        contestant = _ready(team, work, effort)
        contestant.times.append(_microseconds(contestant))
        made.append(contestant)
    made.sort(key=lambda c: c.median)
    for contestant in made[2:]:
        contestant.team.close()
    for contestant in made[:2]:
        contestant.times.clear()
    return made[:2]


def _ready(team: Team, work: Workload, effort: Effort) -> Contestant:
    """A contestant with as many steps as fill one timing; short timings are noise, so they grow until they count."""
    chunks = 1
    while True:
        contestant = Contestant(team, chunks * work.chunk, [])
        seconds = _microseconds(contestant) * 1e-6 * contestant.steps * team.n_rows
        if seconds >= 0.2 * effort.seconds:
            break
        chunks *= 3
    return Contestant(team, max(1, round(chunks * effort.seconds / seconds)) * work.chunk, [])


def _microseconds(contestant: Contestant) -> float:
    """One timing. The native engine makes its rows anew in every call: the same with one step is taken away."""
    team, steps = contestant.team, contestant.steps
    if team.entry.peer == "native":
        seconds = (team.run(steps + 1) - team.run(1)) / steps
    else:
        seconds = team.run(steps) / steps
    return seconds / team.n_rows * 1e6


def verdict(holds: bool) -> str:
    """The measured truth."""
    return "holds" if holds else "MISSED"


def _lines(work: Workload, rate: float, best: dict[str, Contestant]) -> list[str]:
    native, floor = best["native"].median, work.products / rate
    random = "" if work.data == "digits" else "; random data of MNIST's shape"
    lines = [f"{work.name}  {work.text}{random}"]
    lines.append(_line("floor", f"{work.products / 1e6:.3g} MFLOP at {rate / 1e3:.0f} GFLOP/s", floor))
    promise = ""
    if work.times_floor is not None:
        promise = f"at most {work.times_floor:g}: {verdict(native <= work.times_floor * floor)}"
    lines.append(
        _line(
            "Hunch native", best["native"].team.entry.text, native, f"{native / floor:.2f} × floor", promise
        )
    )
    for name, contestant in best.items():
        if name.startswith("native "):
            level, own = name.removeprefix("native "), contestant.median
            lines.append(_line(f"  at level {level}", "", own, f"{own / floor:.2f} × floor"))
    for name, contestant in best.items():
        if name not in LETTERS:
            continue
        own = contestant.median
        factor, wanted = own / native, work.times_faster.get(name, 1)
        promise = f"at least {wanted:g}: {verdict(factor > wanted if wanted == 1 else factor >= wanted)}"
        lines.append(_line(LETTERS[name], contestant.team.entry.text, own, f"{factor:.1f} × native", promise))
    return lines


def _line(name: str, how: str, value: float, ratio: str = "", promise: str = "") -> str:
    return f"    {name:<20} {how:<36} {value:>9.2f} µs   {ratio:<15} {promise}".rstrip()


def median_of(call: Callable[[], float], rounds: int) -> float:
    """The median of so many calls."""
    return statistics.median(call() for _ in range(rounds))


def alternate(calls: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The median of each, called in turn."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, times in zip(calls, found, strict=True):
            times.append(call())
    return [statistics.median(times) for times in found]
