"""Records as bytes and text, and back: bit-exact, compressed, never pickled.

A trace becomes one compressed block: the length of a JSON head, the head, then the raw little-endian bytes of
every array in a fixed order with fixed types. Whatever the bytes say, reading them can only make numbers and
strings.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from hunch.errors import StoreError
from hunch.traces.records import Provenance, RunKey, SiteFact, StudyFacts, Trace

_ARRAYS = (
    ("eval_at", "<i8"),
    ("cost", "<f8"),
    ("held_at", "<i8"),
    ("held_cost", "<f8"),
    ("held_error", "<f8"),
    ("reading_at", "<i8"),
    ("readings", "<f4"),
)
# After the others, in traces that have them: what the head calls their length, field and type.
_EXAMPLES = (("answers", "held_correct", "|u1"), ("losses", "held_losses", "<f4"))
_LENGTH_BYTES = 4


def encode_trace(trace: Trace) -> bytes:
    """One trace as one compressed block.

    Args:
        trace: The trace; its arrays are brought to the types that `Trace` documents.

    Raises:
        StoreError: If arrays that belong together differ in length.
    """
    arrays = {name: np.ascontiguousarray(getattr(trace, name), dtype) for name, dtype in _ARRAYS}
    _check_lengths(trace.key, arrays)
    key = trace.key
    examples = {
        called: np.ascontiguousarray(values, dtype)
        for called, name, dtype in _EXAMPLES
        if (values := getattr(trace, name)) is not None
    }
    head = to_text(
        {
            "key": [key.stage, key.arm, int(key.seed), float(key.lr), int(key.budget)],
            "diverged_at": None if trace.diverged_at is None else int(trace.diverged_at),
            "failed": trace.failed,
            "wall_s": float(trace.wall_s),
            "shapes": [list(arrays[name].shape) for name, _ in _ARRAYS],
        }
        | {called: len(values) for called, values in examples.items()}
    ).encode()
    parts = [len(head).to_bytes(_LENGTH_BYTES, "little"), head]
    parts += [arrays[name].tobytes() for name, _ in _ARRAYS]
    parts += [values.tobytes() for values in examples.values()]
    return zlib.compress(b"".join(parts), 6)


def decode_trace(block: bytes) -> Trace:
    """The trace that `encode_trace` wrote, with read-only arrays.

    Raises:
        ValueError: If the block is not such a trace.
    """
    try:
        raw = zlib.decompress(block)
        start = _LENGTH_BYTES + int.from_bytes(raw[:_LENGTH_BYTES], "little")
        head = json.loads(raw[_LENGTH_BYTES:start])
        arrays: dict[str, Any] = {}
        wanted, shapes = [*_ARRAYS], [*head["shapes"]]
        for called, name, dtype in _EXAMPLES:
            if called in head:
                wanted.append((name, dtype))
                shapes.append([head[called]])
        for (name, dtype), shape in zip(wanted, shapes, strict=True):
            count = int(np.prod(shape, dtype=np.int64))
            flat = np.frombuffer(raw, dtype, count, start).astype(np.dtype(dtype).newbyteorder("="))
            start += count * np.dtype(dtype).itemsize
            arrays[name] = flat.reshape(shape)
            arrays[name].setflags(write=False)
        if start != len(raw):
            raise ValueError(f"{len(raw) - start} bytes too many")
        return Trace(
            key=RunKey(*head["key"]),
            diverged_at=head["diverged_at"],
            failed=head["failed"],
            wall_s=head["wall_s"],
            **arrays,
        )
    except (zlib.error, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ValueError(f"not a trace: {error}") from error


def _check_lengths(key: RunKey, arrays: dict[str, np.ndarray]) -> None:
    for group, what in (
        (("eval_at", "cost"), "costs"),
        (("held_at", "held_cost", "held_error"), "held-out costs and errors"),
        (("reading_at", "readings"), "readings"),
    ):
        lengths = {name: arrays[name].shape[:1] for name in group}
        if len(set(lengths.values())) > 1 or arrays["readings"].ndim != 3:
            shown = ", ".join(f"{name} {arrays[name].shape}" for name in group)
            raise StoreError(
                f"the run of arm {key.arm!r} at seed {key.seed} cannot be stored: its {what} do not fit the "
                f"iterations they were measured at, got {shown}. This is a bug of the engine; please report "
                "it.",
                "store-trace-shape",
            )


def to_text(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, shortest round-trip numbers; NumPy scalars too."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=lambda v: v.item())


def facts_to_text(facts: StudyFacts) -> str:
    """The facts as canonical JSON."""
    return to_text(asdict(facts))


def facts_from_text(text: str) -> StudyFacts:
    """The facts that `facts_to_text` wrote."""
    values: dict[str, Any] = json.loads(text)
    values["sites"] = tuple(SiteFact(**cast("dict[str, Any]", site)) for site in values["sites"])
    for name in ("data_notes", "constant_right", "constant_losses"):
        values[name] = tuple(values.get(name, ()))  # the last two are missing in formats 1 and 2
    return StudyFacts(**values)


def provenance_to_text(provenance: Provenance) -> str:
    """The provenance as canonical JSON."""
    return to_text(asdict(provenance))


def provenance_from_text(text: str) -> Provenance:
    """The provenance that `provenance_to_text` wrote."""
    values: dict[str, Any] = json.loads(text)
    values["versions"] = tuple((name, version) for name, version in values["versions"])
    return Provenance(**values)
