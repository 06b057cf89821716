"""Opening a study file: to read it, to make it, to become its one writer.

A reader is never in the way of a writer: it opens the file read-only and takes one snapshot.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hunch.errors import StoreError
from hunch.plan import Plan
from hunch.traces.files import (
    SUFFIX_WAL,
    connect,
    damaged,
    existing_file,
    from_sqlite,
    primary_code,
    publish,
    refuse_existing,
    user_path,
)
from hunch.traces.records import Provenance, StudyFacts
from hunch.traces.schema import MIGRATIONS, Contents, check_header, fill, load, migrate
from hunch.traces.table import RunTable

_ATTEMPTS = 8
_WAIT_S = 0.05
_LOCK_TIMEOUT_S = 5.0
_TAKE_TIMEOUT_S = 1.0  # how long a second writer waits before it is told so
_WRITE_TIMEOUT_S = 20.0
_GRACE_S = 0.01
_CHECKS = 3


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """What a study file holds.

    Args:
        plan: The frozen plan; the plan as asked if the pilot has not ended.
        facts: The facts.
        provenance: Where and when.
        table: The runs that have finished.
    """

    plan: Plan
    facts: StudyFacts
    provenance: Provenance
    table: RunTable

    @property
    def is_complete(self) -> bool:
        """Whether every seed of the plan has a confirm run of every arm.

        A study that looks several times may be over before that; `Study.is_complete` knows.
        """
        if not self.plan.is_frozen:
            return False
        return all(
            len(self.table.confirm(self.plan, arm.name)) == len(self.plan.seeds) for arm in self.plan.arms
        )


def read_study(path: str | os.PathLike[str]) -> StoredStudy:
    """Everything in a study file, also while another process writes it.

    The file is opened read-only and everything is taken from one snapshot: all runs whose `append` had
    returned.

    Args:
        path: The study file.

    Raises:
        StoreError: If it is not there, is no study, was made by a newer version, or is damaged.
    """
    given = user_path(path)
    return stored_study(read_contents(given, existing_file(given)))


def stored_study(contents: Contents) -> StoredStudy:
    """The contents of a study file as a reader sees them."""
    return StoredStudy(
        plan=contents.frozen or contents.asked,
        facts=contents.facts,
        provenance=contents.provenance,
        table=RunTable(contents.facts, (trace for _, trace in contents.runs.values())),
    )


def read_contents(path: Path, place: Path) -> Contents:
    """Read and check a study file.

    Args:
        path: As the user gave it, for messages.
        place: The same, absolute and without links.
    """
    for attempt in range(_ATTEMPTS):
        before = _fingerprint(place)
        try:
            return _read_once(path, place)
        except StoreError as error:
            # A file that was read without locks may have changed meanwhile; one at rest really is as it
            # looks.
            in_the_way = error.slug == "store-busy"
            if attempt == _ATTEMPTS - 1 or not (in_the_way or _fingerprint(place) != before):
                raise
        time.sleep(_WAIT_S * (attempt + 1))
    raise AssertionError("the last attempt returns or raises")


def _read_once(path: Path, place: Path) -> Contents:
    wal = place.with_name(place.name + SUFFIX_WAL)
    # Without a -wal nobody writes, and `immutable` then keeps SQLite from making files of its own beside it.
    try:
        return _read(path, place, immutable=not wal.exists())
    except sqlite3.Error as error:
        stuck = primary_code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if stuck and wal.exists():
            # Left by a killed writer where we may not write: SQLite needs an index of the -wal beside it.
            return _read_copy(path, place, wal)
        raise from_sqlite(error, path, "read") from error


def _read_copy(path: Path, place: Path, wal: Path) -> Contents:
    try:
        with tempfile.TemporaryDirectory(prefix="hunch-") as folder:
            copy = Path(folder) / "study"
            shutil.copyfile(place, copy)
            shutil.copyfile(wal, copy.with_name(copy.name + SUFFIX_WAL))
            return _read(path, copy, immutable=False, mode="rw")
    except sqlite3.Error as error:
        raise from_sqlite(error, path, "read") from error
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"cannot read {path}: {error}. Check that you may read it.", "store-read") from error


def _read(path: Path, place: Path, *, immutable: bool, mode: str = "ro") -> Contents:
    with closing(connect(place, mode, timeout_s=_LOCK_TIMEOUT_S, immutable=immutable)) as conn:
        conn.execute("BEGIN")  # one snapshot for all that follows
        version = check_header(conn, path)
        if version == len(MIGRATIONS):
            return load(conn, path)
        # An older format is brought up to date in memory; the file stays as it is.
        with closing(connect(None, "rw", timeout_s=0)) as newer:
            conn.execute("COMMIT")
            conn.backup(newer)
            migrate(newer, version)
            return load(newer, path)


def make_file(path: Path, asked: Plan, facts: StudyFacts, provenance: Provenance) -> None:
    """Make a study file without runs; it gets its name only when it is whole.

    Raises:
        StoreError: If something stands there already, or it cannot be written.
    """
    refuse_existing(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with closing(connect(part.absolute(), "rwc", timeout_s=0)) as conn:
            fill(conn, asked, facts, provenance)
        publish(part, path)
    except sqlite3.Error as error:
        raise from_sqlite(error, path, "write") from error
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"cannot write {path}: {error}. Give store= a path in a folder that you may write.", "store-write"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def take_file(path: Path) -> tuple[sqlite3.Connection, Contents]:
    """Become the one writer of a study file: a connection that holds the write lock, and what is in the file.

    Raises:
        StoreError: If it has a writer, is damaged, or cannot be written.
    """
    place = existing_file(path)
    conn: sqlite3.Connection | None = None
    try:
        conn = connect(place, "rw", timeout_s=_TAKE_TIMEOUT_S)
        version = check_header(conn, path)
        mode = bytes(conn.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        if mode != b"wal":
            raise StoreError(
                f"{path} is on a drive that several processes cannot share (a network drive?). Give store= a "
                "path on a disk of this machine.",
                "store-drive",
            )
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("BEGIN IMMEDIATE")
        # A living writer lets go for a moment between two commits and takes the lock back at once: a lock
        # that can be had again and again, without waiting for it, is free.
        conn.execute("PRAGMA busy_timeout=0")
        for _ in range(_CHECKS):
            conn.execute("ROLLBACK")
            time.sleep(_GRACE_S)
            conn.execute("BEGIN IMMEDIATE")
        _check_pages(conn, path)
        if version < len(MIGRATIONS):
            migrate(conn, version)
            conn.execute("COMMIT")
            conn.execute("BEGIN IMMEDIATE")
        contents = load(conn, path)
        conn.execute(f"PRAGMA busy_timeout={int(1000 * _WRITE_TIMEOUT_S)}")
        return conn, contents
    except BaseException as error:
        if conn is not None:
            conn.close()
        if isinstance(error, sqlite3.Error):
            raise from_sqlite(error, path, "write") from error
        raise


def _check_pages(conn: sqlite3.Connection, path: Path) -> None:
    """Refuse to write to a file with damaged pages, also where `load` does not look."""
    text = bytes(conn.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if text != b"ok":
        raise damaged(path, text.decode(errors="replace"))


def _fingerprint(place: Path) -> tuple[tuple[int, int] | None, ...]:
    found: list[tuple[int, int] | None] = []
    for file in (place, place.with_name(place.name + SUFFIX_WAL)):
        try:
            status = file.stat()
            found.append((status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)
