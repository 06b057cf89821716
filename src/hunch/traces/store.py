"""The one writer of a study file: finished runs are on disk when `append` returns."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hunch.errors import PlanError, StoreError
from hunch.plan import Plan
from hunch.traces.codec import decode_trace, encode_trace
from hunch.traces.differences import differences
from hunch.traces.files import busy, connect, existing_file, from_sqlite, primary_code, user_path
from hunch.traces.opening import make_file, read_contents, take_file
from hunch.traces.records import Provenance, RunKey, StudyFacts, Trace
from hunch.traces.schema import (
    FROZEN,
    SEAL,
    Contents,
    body_hash,
    document_hash,
    fill,
    insert_document,
    load,
    update_document,
)
from hunch.traces.table import RunTable

_CLOSE_TIMEOUT_S = 3.0
_CLOSE_WAIT_S = 0.005


class StudyFile:
    """A study that is being written, in a file or in memory. Make one with `open_or_create`.

    While it is open the file belongs to this writer: a second one gets a `StoreError`, readers are never held
    up. The lock is the operating system's, so it is gone when the process is, however it ends. Use it as a
    context manager; closing leaves exactly one file.
    """

    def __init__(self, path: Path | None, conn: sqlite3.Connection, contents: Contents) -> None:
        """Use the class methods instead."""
        self._path = path
        self._conn = conn
        self._contents = self._pending = contents
        self._is_closed = False
        self._lock = threading.Lock()
        self._session_start_s = time.monotonic()
        self._earlier_wall_s = contents.seal.train_wall_s

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None,
        plan_asked: Plan,
        facts: StudyFacts,
        provenance: Provenance,
    ) -> Self:
        """Start a study file; it appears under its name only when it is a whole, empty study.

        Args:
            path: Where; None: in memory only.
            plan_asked: The plan as the user asked it.
            facts: The facts.
            provenance: Where and when.

        Raises:
            StoreError: If the file exists already or cannot be written.
        """
        if path is None:
            conn = connect(None, "rwc", timeout_s=0)
            fill(conn, plan_asked.asked(), facts, provenance)
            conn.execute("BEGIN IMMEDIATE")
            return cls(None, conn, load(conn, Path(":memory:")))
        given = user_path(path)
        make_file(given, plan_asked.asked(), facts, provenance)
        return cls(given, *take_file(given))

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        plan_asked: Plan,
        facts: StudyFacts,
        provenance: Provenance,
    ) -> Self:
        """Go on with a stored study, if call, data, network, engine and library are the same.

        Runs that failed are dropped, so that they are made again.

        Args:
            path: The study file.
            plan_asked: The plan as the user asks it now.
            facts: The facts as found now.
            provenance: Of this session; its versions are compared.

        Raises:
            PlanError: If something differs; the error names every difference, and nothing was written.
            StoreError: If the file cannot be read, is damaged, or has a writer.
        """
        given = user_path(path)
        stored = read_contents(given, existing_file(given))
        PlanError.raise_all(
            differences(
                given,
                (stored.asked, stored.facts, stored.provenance),
                (plan_asked.asked(), facts, provenance),
            )
        )
        file = cls(given, *take_file(given))
        try:
            failed = [trace.key for _, trace in file._contents.runs.values() if trace.failed is not None]
            if failed:
                with file._writing():
                    file._write(remove=failed)
        except BaseException:
            file.close()
            raise
        return file

    @classmethod
    def open_or_create(
        cls,
        path: str | os.PathLike[str] | None,
        plan_asked: Plan,
        facts: StudyFacts,
        provenance: Provenance,
    ) -> Self:
        """`resume` where there is a file, else `create`.

        Args:
            path: The study file; None: in memory only, with the same behaviour.
            plan_asked: The plan as the user asked it.
            facts: The facts.
            provenance: Where and when.
        """
        if path is not None and user_path(path).exists():
            return cls.resume(path, plan_asked, facts, provenance)
        return cls.create(path, plan_asked, facts, provenance)

    @property
    def path(self) -> Path | None:
        """The file; None in memory."""
        return self._path

    @property
    def plan(self) -> Plan:
        """The frozen plan; the plan as asked before `freeze`."""
        return self._contents.frozen or self._contents.asked

    @property
    def facts(self) -> StudyFacts:
        """The facts, as found when the study was started."""
        return self._contents.facts

    @property
    def provenance(self) -> Provenance:
        """Where and when it was started, with the seconds of training of all sessions."""
        return replace(self._contents.provenance, train_wall_s=self._contents.seal.train_wall_s)

    def __contains__(self, key: object) -> bool:
        """Whether that run is there and did not fail."""
        found = self._contents.runs.get(key) if isinstance(key, RunKey) else None
        return found is not None and found[1].failed is None

    def __len__(self) -> int:
        """Number of runs, failed ones included."""
        return len(self._contents.runs)

    def traces(self) -> list[Trace]:
        """All runs, sorted by key whatever order they finished in."""
        return [self._contents.runs[key][1] for key in sorted(self._contents.runs)]

    def table(self) -> RunTable:
        """All runs as a table."""
        return RunTable(self.facts, self.traces())

    def append(self, trace: Trace) -> None:
        """Keep one finished run; it is on disk when this returns. A run that had failed is replaced.

        Raises:
            StoreError: If it cannot be written, or that run is there already.
        """
        self.append_many([trace])

    def append_many(self, traces: Iterable[Trace]) -> None:
        """Keep several finished runs: all of them, or none if something goes wrong.

        Raises:
            StoreError: As for `append`.
        """
        blocks = [(trace.key, encode_trace(trace)) for trace in traces]
        with self._writing():
            keys = [key for key, _ in blocks]
            for key in keys:
                if key in self or keys.count(key) > 1:
                    raise StoreError(
                        f"the {key.stage} run of arm {key.arm!r} at seed {key.seed} is in the study "
                        "already. A run is made once; this is a bug of Hunch, please report it.",
                        "store-run-twice",
                    )
            self._write(add=blocks, remove=[key for key in keys if key in self._contents.runs])

    def freeze(self, plan: Plan) -> None:
        """Keep the plan with what the pilot found. Frozen is frozen; the same plan again is fine.

        Raises:
            StoreError: If the plan is not frozen, asks something else, or another one was frozen before.
        """
        before = self._contents
        if before.frozen == plan:
            return
        why = ""
        if not plan.is_frozen:
            why = "it has no budget, rates or margins yet"
        elif plan.asked() != before.asked:
            why = "it does not ask what this study was started with"
        elif before.frozen is not None:
            why = "another plan was frozen before, and runs rest on it"
        if why:
            raise StoreError(
                f"this plan cannot be frozen: {why}. Freeze the plan of the file once, with what its pilot "
                "found.",
                "store-freeze",
            )
        with self._writing():
            self._write(documents={FROZEN: plan.to_text()})

    def close(self) -> None:
        """Put everything into the one file and let go of it; may be called twice. Runs can still be read."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                if self._path is not None:
                    self._to_one_file()
            except sqlite3.Error:
                # Somebody stays reading, or the disk is full: everything committed is safe in the file and
                # its -wal, and whoever opens it next to write finishes the job.
                pass
            finally:
                self._conn.close()

    def _to_one_file(self) -> None:
        # SQLite does not wait here for readers by itself; they stay for a moment only.
        until = time.monotonic() + _CLOSE_TIMEOUT_S
        while True:
            try:
                self._conn.execute("PRAGMA journal_mode=DELETE")
                return
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
            time.sleep(_CLOSE_WAIT_S)

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; whoever pressed Ctrl-C is told below the traceback what is kept."""
        self.close()
        if isinstance(error, KeyboardInterrupt) and self._path is not None:
            error.add_note(f"Finished runs are kept in {self._path}; the same call goes on from there.")

    @contextmanager
    def _writing(self) -> Generator[None, None, None]:
        """A transaction around the block: all of it is kept, or none."""
        where = self._path or Path("the study in memory")
        with self._lock:
            if self._is_closed:
                raise StoreError(
                    f"{where} was closed; nothing more can be written to it. Open it again to go on.",
                    "store-closed",
                )
            try:
                if not self._conn.in_transaction:
                    self._hold_again(where)
                yield
                self._conn.execute("COMMIT")
                self._contents = self._pending
                # Take the lock back at once, so that no second writer gets between two commits.
                with contextlib.suppress(sqlite3.Error):
                    self._conn.execute("BEGIN IMMEDIATE")
            except BaseException as error:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise from_sqlite(error, where, "write") from error
                raise

    def _hold_again(self, where: Path) -> None:
        """Take the lock after trouble: an interrupted commit may have come through, or another writer."""
        self._conn.execute("BEGIN IMMEDIATE")
        seal = load(self._conn, where).seal
        if seal == self._pending.seal:
            self._contents = self._pending
        if seal != self._contents.seal:
            raise busy(where)

    def _write(
        self,
        *,
        add: Iterable[tuple[RunKey, bytes]] = (),
        remove: Iterable[RunKey] = (),
        documents: dict[str, str] | None = None,
    ) -> None:
        """Change rows and seal inside the transaction; what memory will hold after it waits in `_pending`."""
        before = self._contents
        runs = dict(before.runs)
        gone = [runs.pop(key)[0] for key in remove]
        for digest in gone:
            self._conn.execute("DELETE FROM run WHERE sha256=?", (digest,))
        new = [(key, block, body_hash(block)) for key, block in add]
        for key, block, digest in new:
            self._conn.execute(
                "INSERT INTO run (stage, arm, seed, lr, budget, body, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key.stage, key.arm, int(key.seed), float(key.lr), int(key.budget), block, digest),
            )
            runs[key] = (digest, decode_trace(block))
        frozen = before.frozen
        hashes = dict(before.seal.documents)
        for name, text in (documents or {}).items():
            hashes[name] = document_hash(name, text)
            frozen = Plan.from_json(json.loads(text))
            insert_document(self._conn, name, text)
        seal = replace(
            before.seal.with_runs((digest for _, _, digest in new), gone),
            commits=before.seal.commits + 1,
            documents=hashes,
            train_wall_s=self._earlier_wall_s + time.monotonic() - self._session_start_s,
        )
        update_document(self._conn, SEAL, seal.to_text())
        self._pending = replace(before, frozen=frozen, runs=runs, seal=seal)


def open_or_create(
    path: str | os.PathLike[str] | None, plan_asked: Plan, facts: StudyFacts, provenance: Provenance
) -> StudyFile:
    """Go on with a stored study, or start one; without a path it lives in memory.

    Args:
        path: The study file; None: nothing is stored.
        plan_asked: The plan as the user asked it.
        facts: The facts of network and data.
        provenance: Where and when.

    Raises:
        PlanError: If the file holds a study that differs from this call; it names every difference.
        StoreError: If the file cannot be read or written, is damaged, or has another writer.
    """
    return StudyFile.open_or_create(path, plan_asked, facts, provenance)
