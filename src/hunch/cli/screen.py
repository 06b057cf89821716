"""What is shown: answers on stdout, everything else on stderr; plain where it is piped or NO_COLOR is set."""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from hunch.errors import HunchWarning, PlanError

WIDEST = 100
"""Columns; longer lines are hard to read, however wide the terminal is."""

DECISION_STYLES = {
    "supported": "bold green",
    "refuted": "bold red",
    "no meaningful difference": "bold cyan",
    "undecided": "bold yellow",
    "exploratory": "bold magenta",
}


_KEYWORD = re.compile(r"(?<![\w\"'])(max_seeds|seeds|seed|target|budget)=(\d*)")
"""Keywords that verdicts advise to change; within the quotes of an arm's name they stay."""


class ReaderGoneError(Exception):
    """Whoever read our output has left (`hunch show … | head`).

    An exception of our own, because rich and typer both turn a broken pipe into exit code 1, which here means
    that a claim was refuted.
    """


class _Console(Console):
    """A console that lets the command say how it ends when nobody reads its output any more."""

    def on_broken_pipe(self) -> None:
        """Leave it to `failures`."""
        raise ReaderGoneError


def answer() -> Console:
    """Where answers go: stdout."""
    return _console(stderr=False)


def aside() -> Console:
    """Where everything else goes: stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.width = min(console.width, WIDEST)
    return console


def paragraph(
    console: Console, text: str, *, indent: str = "", hanging: str | None = None, style: str = ""
) -> None:
    """Print a wrapped paragraph; what follows the first line is indented by `hanging`, or alike."""
    after = indent if hanging is None else hanging
    lines = textwrap.wrap(text, console.width - 1, initial_indent=indent, subsequent_indent=after,
                          break_long_words=False, break_on_hyphens=False)  # fmt: skip
    console.print(Text("\n".join(lines), style=style))


def item(console: Console, label: str, text: str, *, width: int = 11, style: str = "") -> None:
    """Print `label  text`, the text wrapped in a column of its own."""
    lines = textwrap.wrap(text, console.width - width - 3, break_long_words=False, break_on_hyphens=False)
    for k, line in enumerate(lines or [""]):
        left = f"  {label if k == 0 else '':<{width}}"
        console.print(Text.assemble((left, "dim"), (line, style)))


def verdicts(console: Console, text: str) -> None:
    """Print a study's text with the decisions coloured.

    A terminal gets long lines wrapped; a pipe gets them as they are, one verdict a line.
    """
    lines = text.rstrip("\n").splitlines()
    if console.is_terminal:
        lines = [_hanging(line, console.width - 1) for line in lines]
    shown = Text("\n".join(lines))
    for decision, style in DECISION_STYLES.items():
        shown.highlight_words([decision, decision.upper()], style)
    console.print(shown)


def as_flags(text: str) -> str:
    """The text with what it advises as it is typed here: keywords of `hunch.compare` become options.

    Example:
        >>> as_flags("give an easier target=, or start a new study with max_seeds=160.")
        'give an easier --target, or start a new study with --max-seeds 160.'
    """
    return _KEYWORD.sub(lambda m: f"--{m[1].replace('_', '-')} {m[2]}".rstrip(), text)


def _hanging(line: str, width: int) -> str:
    """A line that is too long, folded, with what follows indented by two more."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return "\n".join(
        textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def failure(kind: str, message: str) -> None:
    """Print an error on stderr, wrapped, with its kind in front: `PlanError: …  [slug]`."""
    console = aside()
    lines: list[str] = []
    for k, line in enumerate(f"{kind}: {message}".splitlines()):
        inner = line.lstrip()
        indent = " " * (len(line) - len(inner))
        hanging = indent + ("   " if inner[:1].isdigit() else "  ")
        # The slug keeps the two spaces in front of it, and stays whole.
        lines += textwrap.wrap(
            inner, console.width - 1, initial_indent=indent if k else "", subsequent_indent=hanging,
            break_long_words=False, break_on_hyphens=False, replace_whitespace=False, drop_whitespace=True,
        )  # fmt: skip
    shown = Text("\n".join(lines))
    shown.stylize("bold red", 0, len(kind) + 1)
    console.print(shown)


@contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """While the user's own code runs, send what it prints to stderr, so that stdout holds JSON alone."""
    with redirect_stdout(sys.stderr) if wanted else nullcontext():
        yield


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings of Hunch as a sentence on stderr, without the line of code that gave them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", HunchWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, HunchWarning):
                paragraph(aside(), f"Note: {message}", style="yellow")
            else:
                others(message, category, *where, **more)

        warnings.showwarning = show
        yield


def emit(told: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; numbers that JSON does not have become null."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(plain(told), indent=2, ensure_ascii=not is_utf8, allow_nan=False)
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        raise ReaderGoneError from None


def plain(value: Any) -> Any:
    """The value in terms that JSON has: not-a-number and infinity become None, tuples lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Iterable):
        return [plain(inner) for inner in value]
    return str(value)


def check_page(path: str | None, kinds: Sequence[str] = (".html", ".htm")) -> None:
    """Refuse a place where no report can be written, before anything is trained.

    Args:
        path: Path of the report; None: there will be none.
        kinds: How its name may end.

    Raises:
        PlanError: If the folder is not there, or the path is a folder or another kind of file.
    """
    if path is None:
        return
    place = Path(path)
    where = f"the report cannot be written to {path}"
    if place.is_dir():
        raise PlanError(
            f"{where}: it is a folder. Name a file in it, as {place / 'page.html'}.", "cli-output"
        )
    if not place.parent.is_dir():
        raise PlanError(
            f"{where}: there is no folder {place.parent}. Make it first, or name another.", "cli-output"
        )
    if place.suffix.lower() not in kinds:
        page = "the report is an HTML page, and that name does not end in .html"
        if len(kinds) > 2:
            named = [kind for kind in kinds if kind != ".htm"]
            page = f"its name tells what it is, {', '.join(named[:-1])} or {named[-1]}"
        raise PlanError(f"{where}: {page}. Write {place.with_suffix('.html')}.", "cli-output")
