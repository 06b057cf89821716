"""Paths, connections, and what to say when a study file cannot be opened."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
from pathlib import Path

from hunch.errors import StoreError

SUFFIX_WAL = "-wal"


def connect(path: Path | None, mode: str, *, timeout_s: float, immutable: bool = False) -> sqlite3.Connection:
    """Open a database by its absolute path, without starting transactions behind our back.

    Args:
        path: Absolute path; None: a database in memory.
        mode: `"ro"`, `"rw"` or `"rwc"`.
        timeout_s: How long to wait for another connection's lock.
        immutable: Promise SQLite that nobody writes: it then takes no locks and makes no files.
    """
    uri = ":memory:" if path is None else f"{path.as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"
    conn = sqlite3.connect(
        uri, uri=path is not None, timeout=timeout_s, isolation_level=None, check_same_thread=False
    )
    conn.text_factory = bytes  # damaged text must not fail to decode inside SQLite's module
    conn.execute("PRAGMA trusted_schema=OFF")
    conn.execute("PRAGMA cell_size_check=ON")
    return conn


def user_path(path: str | os.PathLike[str]) -> Path:
    """What a user gave as a path, with `~` written out.

    Raises:
        StoreError: If it is no path.
    """
    try:
        # The function, because the method of the same name fails where a home is not known.
        return Path(os.path.expanduser(path))  # noqa: PTH111
    except TypeError as error:
        raise StoreError(
            f"a study file is named by a path, got {path!r}. Write for instance 'bn.hunch'.", "store-path"
        ) from error


def existing_file(path: Path) -> Path:
    """The absolute path of a file that is there and not empty.

    Raises:
        StoreError: If it is not.
    """
    try:
        if path.is_dir():
            raise StoreError(
                f"{path} is a folder, not a study file. Name the file inside it, for instance "
                f"{path / 'study.hunch'}.",
                "store-folder",
            )
        if not path.exists():
            raise StoreError(
                f"there is no file {path}. Check the name and the folder (now in {Path.cwd()}).",
                "store-missing",
            )
        if path.stat().st_size == 0:
            raise not_a_study(path, "it is empty (0 bytes)")
        return path.resolve()
    except (OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"{str(path)!r} cannot be opened: {error}. Give the path of a study file that you may read.",
            "store-read",
        ) from error


def _recover(path: Path) -> str:
    """The command line that saves what is left of a file."""
    new = path.with_name(f"{path.stem}-saved.hunch")
    return f"hunch recover {shlex.quote(str(path))} -o {shlex.quote(str(new))}"


def not_a_study(path: Path, why: str) -> StoreError:
    """The error for a file that Hunch did not write."""
    return StoreError(
        f"{path} is not a study file: {why}. Give a file that hunch.compare(…, store=…) wrote, mostly "
        "*.hunch. If it was one before something overwrote its start, save what is left with: "
        f"{_recover(path)}",
        "store-not-a-study",
    )


def damaged(path: Path, why: str) -> StoreError:
    """The error for a study file that is not what was written."""
    return StoreError(
        f"{path} is damaged: {why}. Nothing was changed. Save every run that can still be read into a new "
        f"file with: {_recover(path)}",
        "store-damaged",
    )


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code; errors of Python's own module count as SQLITE_ERROR."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def from_sqlite(error: sqlite3.Error, path: Path, doing: str) -> StoreError:
    """The `StoreError` for what SQLite has to say.

    Args:
        error: What SQLite raised.
        path: The study file.
        doing: `"read"` or `"write"`.
    """
    code = primary_code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return not_a_study(path, "it does not begin like one")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return busy(path)
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            f"there is no room left to write {path} ({error}). All runs that finished before are safe in "
            "it; free some space and make the same call again, which goes on from there.",
            "store-full",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return StoreError(
            f"cannot {doing} {path}: {error}. Check that file and folder are there, that you may {doing} "
            "them, and that they are on a disk of this machine.",
            f"store-{doing}",
        )
    return damaged(path, str(error))


def busy(path: Path) -> StoreError:
    """The error for a second writer."""
    return StoreError(
        f"{path} is being written by another process, and a study has one writer. Wait until that one has "
        "ended, or give another store=. To look at it meanwhile, hunch.open(path) always works.",
        "store-busy",
    )


def refuse_existing(path: Path) -> None:
    """Refuse a path at which no new file can be made.

    Raises:
        StoreError: If something is there, or the folder is not.
    """
    if path.exists():
        raise StoreError(
            f"{path} exists already, and nothing is ever overwritten. Give another path, or remove it "
            "yourself.",
            "store-exists",
        )
    if not path.parent.is_dir():
        raise StoreError(
            f"cannot write {path}: there is no folder {path.parent}. Make it first, or give another path.",
            "store-no-folder",
        )


def publish(part: Path, path: Path) -> None:
    """Give a finished file its name, never over another file."""
    try:
        os.link(part, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError:
        # A file system without links.
        refuse_existing(path)
        part.rename(path)
    with contextlib.suppress(OSError):  # so that the name, too, survives a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
