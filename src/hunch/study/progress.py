"""What the user sees while runs are made: on stderr, only when it is wanted."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Reporter:
    """Says what is being done; silent when `is_on` is False.

    In a terminal a bar moves; where output is piped, one line a stage is written.

    Args:
        is_on: Whether to say anything.
    """

    def __init__(self, is_on: bool) -> None:
        """Draw on stderr, so that stdout stays for answers."""
        self._is_on = is_on
        self._console = Console(stderr=True, quiet=not is_on, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False)

    def stage(self, text: str, n_runs: int) -> Self:
        """Start a stage of so many runs; use as a context manager."""
        if self._is_on and self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("runs"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(text, total=n_runs)
        elif self._is_on:
            print(f"{text}: {n_runs} runs", file=sys.stderr, flush=True)  # noqa: T201
        return self

    def done(self, n: int = 1) -> None:
        """So many more runs of the stage are there."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, n)

    def __enter__(self) -> Self:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None
