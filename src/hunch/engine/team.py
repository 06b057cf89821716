"""A few processes that make runs side by side, each on one thread: torch's small calls gain nothing from threads.

Workers are forked, so that the user's `build` need not be picklable, and they see the data without copying them. They
end with their parent's call, whatever ends it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from hunch.errors import EngineError

_POLL_S = 0.2


def usable_cores() -> int:
    """Cores that this process may use.

    Example:
        >>> usable_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def can_fork() -> bool:
    """Whether workers can be forked: on Linux, outside of a worker, with no GPU in use."""
    is_worker = multiprocessing.current_process().daemon
    return sys.platform == "linux" and not is_worker and not torch.cuda.is_initialized()


def in_workers(
    tasks: Sequence[Any], work: Callable[[Any], Iterator[Any]], workers: int
) -> Iterator[tuple[int, Any]]:
    """What `work(task)` yields for every task, as it comes; tasks are begun in their order.

    Args:
        tasks: The tasks.
        work: A generator function; it runs in a forked worker, and what it yields must be picklable.
        workers: How many workers there are at most.

    Returns:
        (index of the task, what was yielded), in any order.

    Raises:
        EngineError: If a worker dies.
    """
    context = multiprocessing.get_context("fork")
    waiting = list(range(len(tasks)))[::-1]
    team: dict[Any, tuple[Any, int | None]] = {}
    try:
        for _ in range(min(workers, len(tasks))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, ours, tasks, work), daemon=True)
            with _quiet_fork():
                process.start()
            theirs.close()
            team[ours] = (process, None)
        for pipe in team:
            _next(team, pipe, waiting)
        while team:
            ready: list[Any] = multiprocessing.connection.wait(list(team), _POLL_S)
            for pipe in ready:
                process, task = team[pipe]
                try:
                    kind, value = pickle.loads(pipe.recv_bytes())
                except (EOFError, ConnectionResetError):
                    process.join(1)
                    raise EngineError(
                        f"a worker process ended unexpectedly (exit code {process.exitcode}), most likely because "
                        "memory ran out. Finished runs are kept; the same call on the same store goes on. Close other "
                        "programs, or train fewer things at once.",
                        "engine-worker-died",
                    ) from None
                if kind == "item":
                    assert task is not None
                    yield task, value
                elif kind == "raised":
                    raise value
                else:
                    _next(team, pipe, waiting)
    finally:
        for pipe, (process, _) in team.items():
            process.terminate()
            pipe.close()
        for process, _ in team.values():
            process.join()


@contextlib.contextmanager
def _quiet_fork() -> Iterator[None]:
    """Fork without a warning about other threads: the children run one of their own, and share no lock with them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _next(team: dict[Any, tuple[Any, int | None]], pipe: Any, waiting: list[int]) -> None:
    process, _ = team[pipe]
    if waiting:
        task = waiting.pop()
        team[pipe] = (process, task)
        pipe.send_bytes(pickle.dumps(task))
        return
    pipe.send_bytes(pickle.dumps(None))
    process.join()
    pipe.close()
    del team[pipe]


def _serve(pipe: Any, parents: Any, tasks: Sequence[Any], work: Callable[[Any], Iterator[Any]]) -> None:
    """What a worker does: tasks by their number until there is none."""
    parents.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends the workers
    torch.set_num_threads(1)
    while True:
        try:
            task = pickle.loads(pipe.recv_bytes())
        except EOFError:
            break
        if task is None:
            break
        try:
            for item in work(tasks[task]):
                pipe.send_bytes(pickle.dumps(("item", item)))
            message: tuple[str, Any] = ("done", None)
        except BaseException as error:  # the parent raises it
            message = ("raised", error)
        try:
            data = pickle.dumps(message)
        except Exception:
            data = pickle.dumps(
                (
                    "raised",
                    EngineError(
                        f"a worker process failed with {message[1]!r}, which could not be sent on. Run the network on "
                        "one batch by yourself to find the line. Finished runs are kept.",
                        "engine-worker-died",
                    ),
                )
            )
        pipe.send_bytes(data)
    os._exit(0)
