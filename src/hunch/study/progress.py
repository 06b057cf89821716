"""What the user sees while runs are made: on stderr, only when it is wanted."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Glance = Callable[[], Sequence[str]]
"""Says how the claims stand, a line each."""

FRAMES_A_SECOND = 2
GLANCE_EVERY_S = 0.5
GLANCE_SHARE = 0.01
"""Looking may take so much of the time at most: the next glance waits a hundred times as long as the last one took."""
LINE_EVERY_S = 30.0
WIDEST = 100
"""Columns of what stands under the bar."""


class Reporter:
    """Says what is being done; silent when `is_on` is False.

    In a terminal, and in a notebook that has ipywidgets, a bar moves, with the claims as they stand under it. Elsewhere
    a line is written when a stage starts and every half a minute.

    Args:
        is_on: Whether to say anything.
        console: Where; None: stderr, so that stdout stays for answers.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, is_on: bool, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is drawn yet."""
        self._is_on, self._clock = is_on, clock
        self._console = console or Console(stderr=True, quiet=not is_on, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._live: Live | None = None
        self._task: TaskID | None = None
        self._glance: Glance | None = None
        self._lines: Sequence[str] = ()
        self._text, self._n_runs, self._n_done = "", 0, 0
        self._started = self._next_glance = self._next_line = 0.0

    def say(self, text: str) -> None:
        """Print one line."""
        if self._is_on:
            self._console.print(text, markup=False)

    def stage(self, text: str, n_runs: int, glance: Glance | None = None) -> Self:
        """Start a stage of so many runs; use as a context manager.

        Args:
            text: What is being done.
            n_runs: How many runs.
            glance: How the claims stand, asked for as runs come in, and never more than a hundredth of the time.
        """
        if not self._is_on:
            return self
        self._text, self._n_runs, self._n_done, self._glance, self._lines = text, n_runs, 0, glance, ()
        self._started = self._clock()
        self._next_glance, self._next_line = self._started + GLANCE_EVERY_S, self._started + LINE_EVERY_S
        if self._can_move:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("runs"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(text, total=n_runs)
            self._live = Live(self._bar, console=self._console, refresh_per_second=FRAMES_A_SECOND)
        else:
            self.say(f"{text}: {n_runs} runs")
        return self

    def done(self, n: int = 1) -> None:
        """So many more runs of the stage are there."""
        if not self._is_on:
            return
        self._n_done += n
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, n)
        now = self._clock()
        if self._live is None:
            if now >= self._next_line and self._n_done < self._n_runs:
                self._write_line(now)
        elif self._glance is not None and now >= self._next_glance:
            self._look(now)
            self._live.update(self._drawn(), refresh=True)

    def __enter__(self) -> Self:
        """Show the bar."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is now; how the claims stood is taken away, since it is no answer."""
        if self._live is not None and self._bar is not None:
            self._live.update(self._bar, refresh=True)
            self._live.stop()
        self._bar = self._live = self._task = self._glance = None

    @property
    def _can_move(self) -> bool:
        """Whether something can be drawn over: not in a file, and in a notebook only by widgets."""
        if self._console.is_jupyter:
            return find_spec("ipywidgets") is not None
        return self._console.is_terminal

    def _look(self, now: float) -> None:
        """Ask how the claims stand, and put off the next time by what it took."""
        assert self._glance is not None, "only asked where there is something to see"
        self._lines = self._glance()
        took = self._clock() - now
        self._next_glance = now + took + max(GLANCE_EVERY_S, took / GLANCE_SHARE)

    def _drawn(self) -> RenderableType:
        assert self._bar is not None, "only drawn while there is a bar"
        width = max(20, min(self._console.width, WIDEST) - 1)
        lines = [
            Text(
                "\n".join(textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    ")),
                style="dim",
            )
            for line in self._lines
        ]
        return Group(self._bar, *lines)

    def _write_line(self, now: float) -> None:
        """How far the stage is, where nothing can be drawn over."""
        left = (now - self._started) * (self._n_runs - self._n_done) / self._n_done
        self.say(f"{self._text}: {self._n_done} of {self._n_runs} runs, about {max(1, round(left)):,} s left")
        if self._glance is not None:
            self._look(now)
            for line in self._lines:
                self.say(f"  {line}")
        self._next_line = self._clock() + LINE_EVERY_S
