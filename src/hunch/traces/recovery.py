"""Saving what can be read from a damaged study file.

SQLite gives up on a file whose inner pages are broken, although the rows are still in it. Here the file is
cut into pages without SQLite, and rows are looked for in every page by how they end: each has a SHA-256 as 64
characters of text in its last column, so its record header ends in the same two bytes. What is found counts
only if that hash is right, so nothing false can be saved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hunch.errors import HunchError, StoreError
from hunch.plan import Plan
from hunch.traces.codec import decode_trace, facts_from_text, provenance_from_text
from hunch.traces.files import SUFFIX_WAL, existing_file, refuse_existing, user_path
from hunch.traces.records import RunKey, Trace
from hunch.traces.schema import (
    ASKED,
    FACTS,
    FROZEN,
    PAGE_SIZE,
    PROVENANCE,
    SEAL,
    Seal,
    body_hash,
    document_hash,
)
from hunch.traces.store import StudyFile

_HASH_COLUMN = b"\x81\x0d"  # serial type 141: a text of 64 characters
_MOST_HEADER_BYTES = 40
_WAL_HEADER, _FRAME_HEADER = 32, 24
_FIXED_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}


@dataclass(frozen=True, slots=True)
class RecoverReport:
    """What `recover` could do.

    Args:
        path: The damaged file, which was not touched.
        out: The new file.
        saved: Number of runs in the new file.
        lost: Number of runs that were in the damaged file and could not be read; None if nobody can tell.
        is_frozen: Whether the frozen plan was saved; without it the pilot is made again.
    """

    path: Path
    out: Path
    saved: int
    lost: int | None
    is_frozen: bool

    def __str__(self) -> str:
        """In a sentence or two, with what to do next."""
        lost = {None: "how many were lost cannot be told", 0: "none was lost"}.get(
            self.lost, f"{self.lost} were lost"
        )
        plan = "" if self.is_frozen else " The frozen plan was not among what could be read."
        return (
            f"Saved {self.saved} runs of {self.path} in {self.out}; {lost}.{plan} The same call as before "
            f"with store={str(self.out)!r} makes what is missing. {self.path} was left as it is."
        )


def recover(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> RecoverReport:
    """Save everything readable of a damaged study file into a new one; the damaged file is not touched.

    A `-wal` beside it, left by a writer that was killed, is read too.

    Args:
        path: The damaged file.
        out: The new file; must not exist.

    Raises:
        StoreError: If there is no such file, `out` exists, or the plan or facts can no longer be read.
    """
    damaged_path, new_path = user_path(path), user_path(out)
    place = existing_file(damaged_path)
    refuse_existing(new_path)
    try:
        found = _search(place)
    except OSError as error:
        raise StoreError(
            f"cannot read {damaged_path}: {error}. Check that you may read it.", "store-read"
        ) from error
    try:
        asked = Plan.from_json(json.loads(found.documents[ASKED]))
        facts = facts_from_text(found.documents[FACTS])
        frozen = Plan.from_json(json.loads(found.documents[FROZEN])) if FROZEN in found.documents else None
        provenance = provenance_from_text(found.documents[PROVENANCE])
    except (KeyError, ValueError, TypeError) as error:
        missing = error.args[0] if isinstance(error, KeyError) else f"plan or facts ({error})"
        raise StoreError(
            f"nothing can be recovered from {damaged_path}: {missing} cannot be read, in neither of the two "
            f"places where a study file keeps it, and {len(found.runs)} runs without it mean nothing. If it "
            "was a study file, take it from a backup, or run the study again.",
            "store-nothing-left",
        ) from error
    seal = found.seal
    if seal is not None:
        provenance = replace(provenance, train_wall_s=seal.train_wall_s)
    with StudyFile.create(new_path, asked, facts, provenance) as file:
        if frozen is not None:
            file.freeze(frozen)
        file.append_many(found.runs[key] for key in sorted(found.runs))
    lost = None if seal is None else max(0, seal.runs - len(found.runs))
    return RecoverReport(damaged_path, new_path, len(found.runs), lost, frozen is not None)


@dataclass(slots=True)
class _Found:
    documents: dict[str, str]
    runs: dict[RunKey, Trace]
    seal: Seal | None = None


def _search(place: Path) -> _Found:
    """Every row of every page whose hash is right."""
    raw = place.read_bytes()
    main = {n + 1: raw[n * PAGE_SIZE : (n + 1) * PAGE_SIZE] for n in range(-(-len(raw) // PAGE_SIZE))}
    frames = list(_wal_frames(place.with_name(place.name + SUFFIX_WAL)))
    newest = main | dict(frames)
    found = _Found({}, {})
    for page in (*main.values(), *(page for _, page in frames)):
        at = page.find(_HASH_COLUMN)
        while at >= 0:
            for start in range(max(0, at - _MOST_HEADER_BYTES), at):
                for pages in (newest, main):
                    row = _row(page, start, at + len(_HASH_COLUMN), pages)
                    if row is not None and _keep(row, found):
                        break
            at = page.find(_HASH_COLUMN, at + 1)
    return found


def _wal_frames(wal: Path) -> Iterator[tuple[int, bytes]]:
    """(page number, page) of each frame, oldest first; its own checksums do not matter, rows have theirs."""
    if not wal.exists():
        return
    raw = wal.read_bytes()
    size = _FRAME_HEADER + PAGE_SIZE
    for start in range(_WAL_HEADER, len(raw) - size + 1, size):
        page = raw[start + _FRAME_HEADER : start + size]
        yield int.from_bytes(raw[start : start + 4], "big"), page


def _row(page: bytes, start: int, header_end: int, pages: dict[int, bytes]) -> list[bytes] | None:
    """The columns of the table row that begins at `start` with a header up to `header_end`, or None.

    A row is: bytes of payload, row id, then the payload; the payload is: bytes of header, a type for each
    column, then the columns. What does not fit the page goes on in a chain of overflow pages.
    """
    n_payload, at = _varint(page, start)
    _, at = _varint(page, at)
    payload_at = at
    n_header, at = _varint(page, at)
    if payload_at + n_header != header_end:
        return None
    sizes: list[int] = []
    while at < header_end:
        kind, at = _varint(page, at)
        if kind in (10, 11):
            return None
        sizes.append(_FIXED_SIZES[kind] if kind < 12 else (kind - 12) // 2)
    if at != header_end or n_header + sum(sizes) != n_payload:
        return None
    payload = _payload(page, payload_at, n_payload, pages)
    if payload is None:
        return None
    columns: list[bytes] = []
    at = n_header
    for size in sizes:
        columns.append(payload[at : at + size])
        at += size
    return columns


def _payload(page: bytes, start: int, n: int, pages: dict[int, bytes]) -> bytes | None:
    """`n` bytes of payload: how many of them are on the page itself is SQLite's rule for table leaves."""
    most = PAGE_SIZE - 35
    if n <= most:
        return page[start : start + n]
    least = (PAGE_SIZE - 12) * 32 // 255 - 23
    n_local = least + (n - least) % (PAGE_SIZE - 4)
    n_local = n_local if n_local <= most else least
    parts = [page[start : start + n_local]]
    left, next_page = n - n_local, page[start + n_local : start + n_local + 4]
    while left > 0:
        more = pages.get(int.from_bytes(next_page, "big"), b"")
        if len(more) < 5:
            return None
        parts.append(more[4 : 4 + left])
        left -= len(more) - 4
        next_page = more[:4]
    return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, position after it) of SQLite's big-endian variable-length number, up to eight bytes long."""
    value = 0
    for k in range(8):
        byte = data[at + k] if at + k < len(data) else 0
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + k + 1
    return value, at + 8


def _keep(row: list[bytes], found: _Found) -> bool:
    """Keep a row whose hash is right; of a run that failed and was made again, the one that did not fail."""
    *_, body, raw_hash = row
    given = raw_hash.decode("ascii", errors="replace")
    try:
        if body_hash(body) == given:
            trace = decode_trace(body)
            known = found.runs.get(trace.key)
            if known is None or known.failed is not None:
                found.runs[trace.key] = trace
            return True
        name, text = row[0].decode(), body.decode()
        if document_hash(name, text) != given:
            return False
        if name == SEAL:
            seal = Seal.from_text(text)
            if found.seal is None or seal.commits > found.seal.commits:
                found.seal = seal
        else:
            found.documents[name] = text
        return True
    except (ValueError, KeyError, TypeError, HunchError):
        return False
