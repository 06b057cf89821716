"""What stands in a study file, and how to know that it is whole.

A study file is an SQLite database with three tables. `run` holds one row a finished run: its key in plain
columns for whoever looks with another tool, and `body`, the trace itself. `document` holds JSON: the plan as
asked, the frozen plan, facts, provenance and the seal. `spare` is a second copy of the documents on pages of
their own, which only `recover` reads. Every row carries a SHA-256, and the seal counts and sums those of all
rows, so that a row that vanished is noticed as well as one that changed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hunch.errors import PlanError, StoreError
from hunch.plan import Plan
from hunch.traces.codec import (
    decode_trace,
    facts_from_text,
    facts_to_text,
    provenance_from_text,
    provenance_to_text,
    to_text,
)
from hunch.traces.files import damaged, not_a_study
from hunch.traces.records import Provenance, RunKey, StudyFacts, Trace

APPLICATION_ID = 0x48554E43  # "HUNC", in the header of every study file
PAGE_SIZE = 4096  # fixed, so that `recover` can cut a file into pages whose header is lost

ASKED, FROZEN, FACTS, PROVENANCE, SEAL = "asked", "frozen", "facts", "provenance", "seal"


def _format_1(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE document (name TEXT NOT NULL, text TEXT NOT NULL, sha256 TEXT NOT NULL)")
    conn.execute("CREATE TABLE spare (name TEXT NOT NULL, text TEXT NOT NULL, sha256 TEXT NOT NULL)")
    conn.execute(
        "CREATE TABLE run (id INTEGER PRIMARY KEY, stage TEXT NOT NULL, arm TEXT NOT NULL, seed INTEGER "
        "NOT NULL, lr REAL NOT NULL, budget INTEGER NOT NULL, body BLOB NOT NULL, sha256 TEXT NOT NULL)"
    )


def _format_2(_: sqlite3.Connection) -> None:
    """Traces may hold single answers (`Trace.held_correct`), which a reader of format 1 would take for damage."""


def _format_3(_: sqlite3.Connection) -> None:
    """Traces may hold single losses, and facts what a constant guess does on every example."""


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_format_1, _format_2, _format_3)
"""Entry k brings a file of format k to format k + 1; a new file goes through all. Never edit one: append."""


def migrate(conn: sqlite3.Connection, version: int) -> None:
    """Bring an open database of that format to the newest, inside the caller's transaction."""
    for step in MIGRATIONS[version:]:
        step(conn)
    conn.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


def document_hash(name: str, text: str) -> str:
    """SHA-256 of a document and its name, as hex."""
    return hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()


def body_hash(body: bytes) -> str:
    """SHA-256 of a run's body, as hex."""
    return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Seal:
    """What must be in the file; rewritten with every commit.

    Args:
        commits: How many commits came before; a larger number is a newer seal.
        runs: Number of runs.
        total: Sum of the runs' hashes modulo 2^256, which does not depend on their order.
        documents: Name → hash of every other document.
        train_wall_s: Seconds of training so far, all sessions together.
        plan_hash: `Plan.hash` of the plan as asked.
    """

    commits: int
    runs: int
    total: int
    documents: dict[str, str]
    train_wall_s: float
    plan_hash: str

    def with_runs(self, added: Iterable[str], removed: Iterable[str] = ()) -> Seal:
        """The seal after runs of these hashes came and went."""
        came, went = list(added), list(removed)
        total = self.total + sum(int(h, 16) for h in came) - sum(int(h, 16) for h in went)
        return replace(self, runs=self.runs + len(came) - len(went), total=total % 2**256)

    def to_text(self) -> str:
        """As canonical JSON."""
        return to_text(
            {
                "commits": self.commits,
                "runs": self.runs,
                "total": f"{self.total:064x}",
                "documents": self.documents,
                "train_wall_s": self.train_wall_s,
                "plan_hash": self.plan_hash,
            }
        )

    @classmethod
    def from_text(cls, text: str) -> Seal:
        """The seal that `to_text` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["total"] = int(values["total"], 16)
        return cls(**values)


@dataclass(frozen=True)
class Contents:
    """Everything in a study file, checked.

    Args:
        asked: The plan as asked.
        frozen: The plan with what the pilot found; None before the pilot has ended.
        facts: The facts.
        provenance: The provenance, with the seconds of all sessions.
        runs: Key → (hash of the stored body, trace).
        seal: The seal.
    """

    asked: Plan
    frozen: Plan | None
    facts: StudyFacts
    provenance: Provenance
    runs: dict[RunKey, tuple[str, Trace]]
    seal: Seal


def check_header(conn: sqlite3.Connection, path: Path) -> int:
    """The format of an open study file.

    Raises:
        StoreError: If the database is not a study, or was made by a newer version.
        sqlite3.Error: If it is no database at all.
    """
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise not_a_study(path, "it is an SQLite database, but another program's")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was made by a newer version of hunch-lab: its format is {version}, and this version "
            f"reads formats up to {len(MIGRATIONS)}. Update with: pip install -U hunch-lab",
            "store-newer",
        )
    if version < 1:
        raise damaged(path, f"its format is given as {version}")
    return version


def load(conn: sqlite3.Connection, path: Path) -> Contents:
    """Read and check everything, inside the caller's transaction.

    Args:
        conn: An open connection that returns text as bytes.
        path: Named in errors.

    Raises:
        StoreError: If something is missing or is not what was written.
        sqlite3.Error: If SQLite finds the database damaged.
    """
    try:
        return _load(conn)
    except PlanError as error:
        # The text is as it was written, so whoever wrote it had other rules for plans than this version.
        raise StoreError(
            f"{path} holds a plan that this version of hunch-lab does not accept: "
            f"{error.problems[0].message} It was made by another version; open it with that one.",
            "store-newer",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise damaged(path, str(error) or type(error).__name__) from error


def _load(conn: sqlite3.Connection) -> Contents:
    texts: dict[str, str] = {}
    for raw_name, raw_text, raw_hash in conn.execute("SELECT name, text, sha256 FROM document"):
        name, text = raw_name.decode(), raw_text.decode()
        if document_hash(name, text) != raw_hash.decode():
            raise ValueError(f"the document {name!r} is not what was written")
        texts[name] = text
    for name in (SEAL, ASKED, FACTS, PROVENANCE):
        if name not in texts:
            raise ValueError(f"the document {name!r} is missing")
    seal = Seal.from_text(texts[SEAL])
    hashes = {name: document_hash(name, text) for name, text in texts.items() if name != SEAL}
    if hashes != seal.documents:
        raise ValueError("its documents are not those that it was sealed with")
    runs: dict[RunKey, tuple[str, Trace]] = {}
    total = n = 0
    for body, raw_hash in conn.execute("SELECT body, sha256 FROM run"):
        digest = body_hash(body)
        if digest != raw_hash.decode():
            raise ValueError(f"run {n + 1} is not what was written")
        trace = decode_trace(body)
        runs[trace.key] = (digest, trace)
        total, n = total + int(digest, 16), n + 1
    if n != seal.runs or len(runs) != n or total % 2**256 != seal.total:
        raise ValueError(f"it was sealed with {seal.runs} runs and {n} are found")
    return Contents(
        asked=Plan.from_json(json.loads(texts[ASKED])),
        frozen=Plan.from_json(json.loads(texts[FROZEN])) if FROZEN in texts else None,
        facts=facts_from_text(texts[FACTS]),
        provenance=replace(provenance_from_text(texts[PROVENANCE]), train_wall_s=seal.train_wall_s),
        runs=runs,
        seal=seal,
    )


def fill(conn: sqlite3.Connection, asked: Plan, facts: StudyFacts, provenance: Provenance) -> None:
    """Make a whole, empty study of an empty database, in one transaction."""
    documents = {
        ASKED: asked.to_text(),
        FACTS: facts_to_text(facts),
        PROVENANCE: provenance_to_text(provenance),
    }
    hashes = {name: document_hash(name, text) for name, text in documents.items()}
    seal = Seal(0, 0, 0, hashes, float(provenance.train_wall_s), asked.hash)
    conn.execute(f"PRAGMA page_size={PAGE_SIZE}")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("BEGIN IMMEDIATE")
    conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
    migrate(conn, 0)
    for name, text in (documents | {SEAL: seal.to_text()}).items():
        insert_document(conn, name, text)
    conn.execute("COMMIT")


def insert_document(conn: sqlite3.Connection, name: str, text: str) -> None:
    """Add a document, and its second copy."""
    for table in ("document", "spare"):
        conn.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (name, text, document_hash(name, text)))


def update_document(conn: sqlite3.Connection, name: str, text: str) -> None:
    """Change a document, and its second copy."""
    for table in ("document", "spare"):
        conn.execute(
            f"UPDATE {table} SET text=?, sha256=? WHERE name=?", (text, document_hash(name, text), name)
        )
