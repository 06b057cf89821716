"""What went wrong, told to a person or to a program; and the exit code it gets."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from hunch.cli import screen
from hunch.errors import HunchError

BAD_INPUT, BUG, STOPPED, PIPE_CLOSED = 2, 70, 130, 141


class StoppedError(Exception):
    """Ctrl-C while training.

    Args:
        store: The study file, if there is one.
        can_store: Whether the command could have had one.
    """

    def __init__(self, store: str | None, *, can_store: bool = True) -> None:
        """Say what is kept."""
        kept = "Nothing was stored."
        if store:
            kept = f"Finished runs are kept in {store}; the same command goes on from there."
        elif can_store:
            kept = (
                "Nothing was stored; with --store FILE finished runs are kept, and the same command goes on."
            )
        super().__init__(f"Stopped. {kept}")


def exit_code(error: BaseException, *, json: bool) -> int:
    """Tell what went wrong, and give the code to exit with.

    Args:
        error: What came up.
        json: Whether to tell it as JSON on stdout instead of in words on stderr.

    Raises:
        BaseException: Again what came up, if it asks for an exit by itself.
    """
    try:
        return _exit_code(error, json)
    except screen.ReaderGoneError:
        # Python flushes stdout once more when it ends, and must find an open pipe then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _exit_code(error: BaseException, json: bool) -> int:
    if isinstance(error, screen.ReaderGoneError):
        raise error
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        error = StoppedError(None)
    if isinstance(error, HunchError):
        return _tell(error, json, BAD_INPUT, slug=error.slug, problems=_problems(error))
    if isinstance(error, StoppedError):
        return _tell(error, json, STOPPED, slug="cli-stopped", words_only=True)
    if isinstance(error, OSError):
        text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        return _tell(error, json, BAD_INPUT, slug="cli-file", message=f"{text}.")
    usage = getattr(error, "format_message", None)
    if usage is not None:
        return _usage(error, usage(), json)
    if not isinstance(error, Exception):
        raise error
    traceback.print_exception(error)
    return _tell(
        error,
        json,
        BUG,
        slug="cli-bug",
        message=f"{error}. This is a bug in Hunch, not in what you typed; please report it.",
    )


def _tell(
    error: BaseException,
    json: bool,
    code: int,
    *,
    slug: str,
    message: str | None = None,
    words_only: bool = False,
    problems: list[dict[str, str]] | None = None,
) -> int:
    kind = type(error).__name__
    text = str(error) if message is None else message
    if json:
        told: dict[str, Any] = {"kind": kind, "slug": slug, "message": text}
        if problems:
            told["message"] = problems[0]["message"] if len(problems) == 1 else text
            told["problems"] = problems
        screen.emit({"error": told})
    elif words_only:
        screen.paragraph(screen.aside(), text)
    else:
        screen.failure(kind, text if problems else f"{text}  [{slug}]")
    return code


def _problems(error: HunchError) -> list[dict[str, str]]:
    return [{"slug": problem.slug, "message": problem.message} for problem in error.problems]


def _usage(error: BaseException, message: str, json: bool) -> int:
    """A mistake in the command line itself, as typer found it."""
    context = getattr(error, "ctx", None)
    if json:
        screen.emit({"error": {"kind": "UsageError", "slug": "cli-usage", "message": message}})
        return BAD_INPUT
    command = context.command_path if context is not None else "hunch"
    screen.failure(
        "UsageError", f"{message.rstrip('.')}. `{command} --help` shows what it takes.  [cli-usage]"
    )
    return BAD_INPUT
