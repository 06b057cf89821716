"""Contestants in processes of their own, so that none disturbs another: one with all threads, or one a core."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_ENVIRONMENT = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS", "HUNCH_ISA", "TF_CPP_MIN_LOG_LEVEL")


class PeerError(RuntimeError):
    """A contestant raised; the text is its traceback."""


@dataclass(frozen=True)
class Entry:
    """A contestant as it is entered.

    Args:
        peer: `native`, `loop`, `vmap`, `compile`, `jax` or `floor`.
        rows: Rows in each process.
        a_core: One process a core with one thread each, instead of one process with all threads.
        level: `HUNCH_ISA`; empty: the best that the machine has.
    """

    peer: str
    rows: int
    a_core: bool = False
    level: str = ""

    @property
    def text(self) -> str:
        """How it is set up, in words."""
        parts = [f"{self.rows} rows" if self.rows > 1 else ""]
        if self.peer != "native":
            parts.append("one process a core" if self.a_core else "one process, all threads")
        parts.append(self.level)
        return ", ".join(p for p in parts if p)


def cores() -> list[int]:
    """The cores that this process may use."""
    return (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )


def _make(peer: str, *arguments: Any) -> Any:
    if peer == "native":
        from benchmarks.native import Native as Made
    elif peer == "loop":
        from benchmarks.peers_loop import Loop as Made
    elif peer == "vmap":
        from benchmarks.peers_vmap import Vmap as Made
    elif peer == "compile":
        from benchmarks.peers_compile import Compiled as Made
    elif peer == "jax":
        from benchmarks.peers_jax import Jax as Made
    else:
        from benchmarks.floor import Floor as Made
    return Made(*arguments)


def _serve(
    pipe: Any, entry: Entry, work_name: str, folder: str, number: int, core: int | None, threads: int
) -> None:
    """A contestant's process: makes it, then does what it is told."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    import torch

    from benchmarks.peers_loop import training_slice_costs
    from benchmarks.workloads import data_for, workload
    from hunch.engine import training_slice

    torch.set_num_threads(threads)
    try:
        work = workload(work_name)
        data = data_for(work, Path(folder))
        torch.manual_seed(number)
        peer = _make(entry.peer, work, data, entry.rows, 1000 * number)
        pipe.send("ready")
        while True:
            order, arguments = pipe.recv()
            if order == "run":
                peer.run(*arguments[0], **arguments[1])
                pipe.send("done")
            elif order == "costs":
                rows = torch.from_numpy(training_slice(data))
                x, y = torch.from_numpy(data.x)[rows], torch.from_numpy(data.y)[rows]
                pipe.send(training_slice_costs(peer.networks(), x, y))
            else:
                return
    except (EOFError, KeyboardInterrupt):
        return
    except BaseException:
        pipe.send(PeerError(traceback.format_exc()))


class Team:
    """The processes of one contestant."""

    def __init__(self, entry: Entry, work_name: str, folder: Path, warm: int = 0) -> None:
        """Start the processes, and make `warm` steps."""
        self.entry = entry
        all_cores = cores()
        n = len(all_cores) if entry.a_core else 1
        threads = 1 if entry.a_core else len(all_cores)
        before = {k: os.environ.get(k) for k in _ENVIRONMENT}
        os.environ.update(
            OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), TF_CPP_MIN_LOG_LEVEL="3"
        )
        if entry.a_core:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        if entry.level:
            os.environ["HUNCH_ISA"] = entry.level
        self.members = []
        context = mp.get_context("spawn")
        try:
            for k in range(n):
                mine, theirs = context.Pipe()
                core = all_cores[k] if entry.a_core else None
                process = context.Process(
                    target=_serve, args=(theirs, entry, work_name, str(folder), k, core, threads), daemon=True
                )
                process.start()
                theirs.close()
                self.members.append((process, mine))
                if entry.peer == "compile":  # what the first compiles, the others find
                    _warm([mine], warm)
            if entry.peer != "compile":
                _warm([pipe for _, pipe in self.members], warm)
        except BaseException:
            self.close()
            raise
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value

    @property
    def n_rows(self) -> int:
        """Rows in all processes together."""
        return self.entry.rows * len(self.members)

    def run(self, *arguments: Any, **named: Any) -> float:
        """All of them at once; seconds until the last is done."""
        started = time.perf_counter()
        for _, pipe in self.members:
            pipe.send(("run", (arguments, named)))
        for _, pipe in self.members:
            _answer(pipe)
        return time.perf_counter() - started

    def costs(self) -> np.ndarray:
        """The costs of all rows on the training slice."""
        out: list[float] = []
        for _, pipe in self.members:
            pipe.send(("costs", ()))
            out += _answer(pipe)
        return np.array(out)

    def close(self) -> None:
        """End the processes."""
        for process, pipe in self.members:
            with contextlib.suppress(OSError):
                pipe.send(("end", ()))
            process.join(2)
            if process.is_alive():
                process.terminate()
                process.join()
            pipe.close()


def _warm(pipes: list[Any], steps: int) -> None:
    """Wait until each is ready, then make its first steps."""
    for pipe in pipes:
        _answer(pipe)
    if steps:
        for pipe in pipes:
            pipe.send(("run", ((steps,), {})))
        for pipe in pipes:
            _answer(pipe)


def _answer(pipe: Any) -> Any:
    got = pipe.recv()
    if isinstance(got, PeerError):
        raise got
    return got
