"""`make bench`: one table, then lines of their own. `--quick` runs everything on tiny sizes, to see that it runs."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.doses import dose_response
from benchmarks.growth import judging, rows_and_cores, widths
from benchmarks.memory import memory
from benchmarks.study import whole_study
from benchmarks.table import Effort, measure
from benchmarks.team import cores
from benchmarks.workloads import WORKLOADS, write_random_data

_FULL = Effort(rounds=5, seconds=0.6, peers=("loop", "vmap", "compile", "jax"), levels=("v3", "v2"))
_QUICK = Effort(
    rounds=1, seconds=0.02, peers=("loop", "vmap", "jax"), levels=("v3",), native_rows=4, only_first=True,
    checked_rows=4,
)  # fmt: skip
_PARTS = ("table", "judging", "memory", "study", "doses", "rows", "widths")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: the figures mean nothing")
    parser.add_argument(
        "--only", default="", help="comma-separated workloads and parts: W1 … W4, " + ", ".join(_PARTS)
    )
    options = parser.parse_args()
    only = {part for part in options.only.split(",") if part}
    known = {work.name for work in WORKLOADS} | set(_PARTS)
    if only - known:
        parser.error(f"no such workload or part: {', '.join(sorted(only - known))}")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="hunch-bench-") as name:
        folder = Path(name)
        write_random_data(folder, 2_000 if options.quick else 60_000)
        print(_machine(), flush=True)
        print(
            "Microseconds a training step of one row on the whole machine: wall time / (rows × steps), "
            f"medians of {(_QUICK if options.quick else _FULL).rounds}, contestants in turn.\n",
            flush=True,
        )
        _tables(folder, only, options.quick)
        _lines(folder, only, options.quick)
    print(f"\nThe whole took {(time.perf_counter() - started) / 60:.1f} minutes.")


def _tables(folder: Path, only: set[str], quick: bool) -> None:
    wanted = [w for w in WORKLOADS if not only or w.name in only or "table" in only]
    for work in wanted:
        if quick and work.name in ("W1", "W3"):
            continue
        if quick and work.name == "W2":
            effort = Effort(1, 0.02, ("loop",), (), native_rows=2, only_first=True, checked_rows=2)
        else:
            effort = _QUICK if quick else _FULL
            if work.name == "W3" and not quick:
                effort = Effort(5, 1.0, effort.peers, effort.levels, native_rows=8, checked_rows=4)
            elif work.name == "W2" and not quick:
                effort = Effort(5, 0.6, effort.peers, effort.levels, native_rows=16)
        _print(measure(work, folder, effort, _say))


def _lines(folder: Path, only: set[str], quick: bool) -> None:
    print()
    names = tuple(work.name for work in WORKLOADS)
    parts = {
        "judging": lambda: judging(
            folder, (20,) if quick else (1000, 4000), 1 if quick else 5, 4 if quick else 64
        ),
        "memory": lambda: memory(folder, ("W4",) if quick else names, 8 if quick else 64),
        "rows": lambda: rows_and_cores(
            folder,
            (1, 4) if quick else (1, 4, 16, 64, 256, 1024, 4096),
            20 if quick else 200,
            1 if quick else 5,
        ),
        "widths": lambda: widths(
            folder,
            (64,) if quick else (64, 128, 256, 512, 1024, 2048, 4096),
            0.05 if quick else 0.6,
            1 if quick else 3,
        ),
        "study": lambda: whole_study(6, 1, budget=20) if quick else whole_study(40, 2),
        "doses": lambda: dose_response(5, 5, 20, 1) if quick else dose_response(20, 10, 1_500, 1),
    }
    for name, part in parts.items():
        if only and name not in only:
            continue
        _say(name)
        _print(part())


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    versions = []
    for package in ("hunch-lab", "torch", "jax", "numpy"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    from hunch.engine.native import NativeEngine

    python = platform.python_version()
    return f"{model}, {len(cores())} cores; Python {python}, {', '.join(versions)}; {NativeEngine().detail()}"
