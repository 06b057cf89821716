"""The randomness of a run: a function of (run seed, stream name, step, element) alone.

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011): key = (seed low 32 bits, seed high 32 bits), counter =
(block, step, stream low 32 bits, stream high 32 bits), where stream is the 64-bit BLAKE2b hash of the name.
Block k gives the words 4k … 4k+3. Nothing depends on the order of calls or on what else is drawn.

- `order`, step = epoch: n words, whose stable sorting order is that epoch's permutation.
- `noise/<site>`, step = training step. Bernoulli dropout: two 16-bit draws a word, low half first, in C
  order. Gaussian dropout: one normal a word. Exact dropout: one word an element, then one word an example.
- `init/<site>`, step = 0: normals for `init_std`.

The words come from the compiled extension where it is there, else from a NumPy twin; they are the same words.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from hunch.engine.native_extension import native_module
from hunch.errors import PlanError, Problem

_MASK32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_MOST_WORDS = 2**34  # the block number has 32 bits, a block has 4 words
LEVELS_OF_16_BITS = 65536


@lru_cache(maxsize=1024)
def stream_key(name: str) -> int:
    """The 64-bit number of a stream: little-endian BLAKE2b with a digest of 8 bytes, of the name in UTF-8.

    Example:
        >>> hex(stream_key("order"))
        '0xdd79a144c4631e44'
    """
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def words(seed: int, stream: str, step: int, n: int) -> np.ndarray:
    """The first n 32-bit words of a stream at a step.

    Args:
        seed: Run seed, 0 … 2^64 - 1.
        stream: Name of the stream.
        step: 0 … 2^32 - 1.
        n: How many words, at most 2^34.

    Returns:
        uint32 (n,).

    Raises:
        PlanError: If a number is out of range.

    Example:
        >>> words(0, "order", 0, 3).dtype
        dtype('uint32')
    """
    PlanError.raise_all(
        [*_seed_problems(seed), *_whole("step", step, 2**32 - 1), *_whole("n", n, _MOST_WORDS)]
    )
    native = native_module()
    if native is not None:
        return native.words(int(seed), stream_key(stream), int(step), int(n))
    return philox_words(int(seed), stream_key(stream), int(step), int(n))


def philox_words(seed: int, stream: int, step: int, n: int, block: int = 0) -> np.ndarray:
    """The NumPy twin: n words from block number `block` on, of the stream with that 64-bit number.

    Example:
        >>> [hex(w) for w in philox_words(0, 0, 0, 4)]  # a known answer of Random123
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    blocks = (n + 3) // 4
    c0 = np.arange(block, block + blocks, dtype=np.uint64) & _MASK32
    c1 = np.full(blocks, step, dtype=np.uint64)
    c2 = np.full(blocks, stream & 0xFFFFFFFF, dtype=np.uint64)
    c3 = np.full(blocks, stream >> 32, dtype=np.uint64)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = (p1 >> _SHIFT32) ^ c1 ^ np.uint64(k0), p1 & _MASK32
        c2, c3 = (p0 >> _SHIFT32) ^ c3 ^ np.uint64(k1), p0 & _MASK32
        k0, k1 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF, (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack((c0, c1, c2, c3), axis=1).astype(np.uint32).reshape(-1)[:n]


def batches(seed: int, n: int, batch_size: int, steps: int) -> np.ndarray:
    """The order in which a run sees the examples.

    Each epoch is a fresh permutation; the last n mod batch_size examples of it are left out.

    Args:
        seed: Run seed, as in `frame()["seed"]`.
        n: Training examples.
        batch_size: Examples a step, at most n.
        steps: Training steps.

    Returns:
        Row numbers of the training part, int64 (steps, batch_size).

    Raises:
        PlanError: If a number is out of range, or the batch is larger than the data.

    Example:
        >>> order = batches(seed=0, n=10, batch_size=4, steps=4)
        >>> order.shape, len(set(order[:2].ravel().tolist()))  # the first epoch: 8 of the 10 examples
        ((4, 4), 8)
    """
    PlanError.raise_all(
        [
            *_seed_problems(seed),
            *_whole("n", n, 2**31 - 1, low=1),
            *_whole("batch_size", batch_size, 2**31 - 1, low=1),
            *_whole("steps", steps, 2**32 - 1),
        ]
    )
    if batch_size > n:
        raise PlanError(
            f"batch_size must be at most the number of training examples, got batch_size={batch_size} "
            f"with n={n}. Write batch_size={n} for full batches.",
            "plan-batch-size",
        )
    a_epoch = n // batch_size
    epochs = -(-steps // a_epoch)
    order = np.empty((epochs, a_epoch, batch_size), dtype=np.int64)
    for epoch in range(epochs):
        permutation = np.argsort(words(seed, "order", epoch, n), kind="stable")
        order[epoch] = permutation[: a_epoch * batch_size].reshape(a_epoch, batch_size)
    return order.reshape(-1, batch_size)[:steps]


def noise(seed: int, site: str, step: int, shape: Sequence[int]) -> np.ndarray:
    """The uniform draws behind a bernoulli dropout mask: `noise(…) < keep_prob` is the mask that a run used.

    Multiples of 1/65536, so that the keep probability that is realised is `realised_keep(keep_prob)`.

    Args:
        seed: Run seed, as in `frame()["seed"]`.
        site: Name of the linear layer that the dropout belongs to.
        step: Training step, counted from 0.
        shape: Shape of what is dropped from: (batch, units).

    Returns:
        Uniform draws in [0, 1), float64, of that shape.

    Raises:
        PlanError: If a number is out of range.

    Example:
        >>> kept = noise(seed=0, site="0", step=7, shape=(64, 32)) < 0.8
        >>> bool(0.75 < kept.mean() < 0.85)
        True
    """
    n = _elements(shape)
    halves = words(seed, f"noise/{site}", step, (n + 1) // 2).astype("<u4", copy=False).view("<u2")[:n]
    return (halves / LEVELS_OF_16_BITS).reshape(tuple(shape))


def keep_threshold(keep_prob: float) -> int:
    """Of 65536 draws, how many are kept: ⌈65536 · keep_prob⌉.

    Example:
        >>> keep_threshold(0.5), keep_threshold(1.0)
        (32768, 65536)
    """
    PlanError.raise_all(_keep_problems(keep_prob))
    return math.ceil(keep_prob * LEVELS_OF_16_BITS)


def realised_keep(keep_prob: float) -> float:
    """The keep probability that 16 bits realise, which also scales: at most 1/65536 above the one asked for.

    Example:
        >>> realised_keep(0.75)
        0.75
    """
    return keep_threshold(keep_prob) / LEVELS_OF_16_BITS


def normals(seed: int, stream: str, n: int) -> np.ndarray:
    """Standard normal draws of a stream: Φ⁻¹((word + ½) / 2³²).

    Args:
        seed: Run seed.
        stream: Name of the stream; `init/<site>` for the weights of a site.
        n: How many.

    Returns:
        float64 (n,).

    Raises:
        PlanError: If a number is out of range.

    Example:
        >>> normals(0, "init/0", 4).shape
        (4,)
    """
    return _normal_of(words(seed, stream, 0, n))


def gaussian_noise(seed: int, site: str, step: int, shape: Sequence[int]) -> np.ndarray:
    """The standard normal draws behind gaussian dropout, which multiplies by 1 + √((1 - keep)/keep) · draw.

    Args:
        seed: Run seed.
        site: Name of the linear layer that the dropout belongs to.
        step: Training step, counted from 0.
        shape: Shape of what is multiplied: (batch, units).

    Returns:
        float64, of that shape.

    Raises:
        PlanError: If a number is out of range.

    Example:
        >>> factor = 1 + (0.2 / 0.8) ** 0.5 * gaussian_noise(0, "0", 0, (64, 32))
        >>> bool(abs(factor.mean() - 1) < 0.05)
        True
    """
    n = _elements(shape)
    return _normal_of(words(seed, f"noise/{site}", step, n)).reshape(tuple(shape))


def exact_mask(seed: int, site: str, step: int, shape: tuple[int, int], keep_prob: float) -> np.ndarray:
    """Which units exact dropout keeps: k of them for each example, every subset of that size equally likely.

    k is the floor or the ceiling of keep_prob · units, drawn so that its mean is keep_prob · units. Kept
    units are scaled by 1/keep_prob. An example's units are gone through in order; with r of them to go and k
    still to keep, the next is kept if ⌊r · word / 2³²⌋ < k.

    Args:
        seed: Run seed.
        site: Name of the linear layer that the dropout belongs to.
        step: Training step, counted from 0.
        shape: (batch, units).
        keep_prob: Keep probability.

    Returns:
        bool, of that shape.

    Raises:
        PlanError: If a number is out of range.

    Example:
        >>> exact_mask(0, "0", 0, (3, 10), 0.8).sum(axis=1).tolist()
        [8, 8, 8]
    """
    PlanError.raise_all(_keep_problems(keep_prob))
    _elements(shape)
    batch, units = shape
    drawn = words(seed, f"noise/{site}", step, batch * units + batch).astype(np.uint64)
    floor, threshold = exact_parts(units, keep_prob)
    left = floor + (drawn[batch * units :] < np.uint64(threshold)).astype(np.int64)
    draws = drawn[: batch * units].reshape(batch, units)
    kept = np.empty((batch, units), dtype=bool)
    for j in range(units):
        kept[:, j] = ((draws[:, j] * np.uint64(units - j)) >> _SHIFT32).astype(np.int64) < left
        left -= kept[:, j]
    return kept


def exact_parts(units: int, keep_prob: float) -> tuple[int, int]:
    """(⌊keep_prob · units⌋, how many of 2³² draws keep one more unit).

    A product within 1e-9 of a whole number is taken as that number: 0.7 · 10 is meant to be 7.

    Example:
        >>> exact_parts(10, 0.7), exact_parts(10, 0.75)
        ((7, 0), (7, 2147483648))
    """
    wanted = keep_prob * units
    if abs(wanted - round(wanted)) < 1e-9 * max(1, units):
        return round(wanted), 0
    floor = math.floor(wanted)
    return floor, math.ceil((wanted - floor) * 2**32)


def _normal_of(drawn: np.ndarray) -> np.ndarray:
    return ndtri((drawn + 0.5) / 2.0**32)


def _elements(shape: Sequence[int]) -> int:
    problems = [p for side in shape for p in _whole("every side of shape", side, 2**31 - 1)]
    PlanError.raise_all(problems)
    return math.prod(shape)


def _seed_problems(seed: object) -> list[Problem]:
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and 0 <= seed < 2**64:
        return []
    return [
        Problem(
            f"seed must be a whole number from 0 to 2^64 - 1, got {seed!r}. Take it from frame()['seed'].",
            "plan-seeds",
        )
    ]


def _whole(name: str, value: object, high: int, *, low: int = 0) -> list[Problem]:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and low <= value <= high:
        return []
    return [Problem(f"{name} must be a whole number from {low} to {high}, got {value!r}.", "plan-stream")]


def _keep_problems(keep_prob: object) -> list[Problem]:
    if isinstance(keep_prob, int | float) and not isinstance(keep_prob, bool) and 0 < keep_prob <= 1:
        return []
    return [
        Problem(
            f"keep_prob must be in (0, 1], got {keep_prob!r}. To take dropout away write keep_prob=1.0.",
            "plan-keep-prob",
        )
    ]
