import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from hunch.engine.native_extension import native_absence, native_module
from hunch.engine.streams import (
    batches,
    exact_mask,
    exact_parts,
    gaussian_noise,
    keep_threshold,
    noise,
    normals,
    philox_words,
    realised_keep,
    stream_key,
    words,
)
from hunch.errors import PlanError

# Random123's known answers for philox4x32-10: counter (4 words), key (2 words), result (4 words).
KNOWN_ANSWERS = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]  # fmt: skip
HALF, ALL = 2**32, 2**64

needs_extension = pytest.mark.skipif(native_module() is None, reason=native_absence() or "-")


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_the_numpy_twin_gives_the_known_answers(counter, key, answer):
    seed, stream = key[0] + HALF * key[1], counter[2] + HALF * counter[3]
    assert tuple(philox_words(seed, stream, counter[1], 4, block=counter[0])) == answer


@needs_extension
@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_the_extension_gives_the_known_answers_at_every_level(counter, key, answer, isa, monkeypatch):
    native = native_module()
    if f"x86-64-{isa}" not in native.levels():
        pytest.skip(f"this machine has no {isa}")
    monkeypatch.setenv("HUNCH_ISA", isa)
    assert native.level() == f"x86-64-{isa}"
    seed, stream = key[0] + HALF * key[1], counter[2] + HALF * counter[3]
    assert tuple(native.philox_block(seed, stream, counter[1], counter[0])) == answer


@needs_extension
@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 31, 64, 127, 128, 129, 1000, 4097])
def test_the_extension_and_its_twin_draw_the_same_words(n, isa, monkeypatch):
    native = native_module()
    if f"x86-64-{isa}" not in native.levels():
        pytest.skip(f"this machine has no {isa}")
    monkeypatch.setenv("HUNCH_ISA", isa)
    for seed, stream, step in ((0, "order", 0), (ALL - 1, "noise/0", 17), (3_400_017, "init/é", HALF - 1)):
        ours = native.words(seed, stream_key(stream), step, n)
        np.testing.assert_array_equal(ours, philox_words(seed, stream_key(stream), step, n))


@needs_extension
def test_an_unknown_level_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("HUNCH_ISA", "v9")
    with pytest.raises(RuntimeError, match="HUNCH_ISA names a level"):
        native_module().level()


def test_the_public_functions_do_not_depend_on_the_extension(monkeypatch):
    def draw():
        return (
            words(5, "order", 2, 11),
            batches(5, 50, 8, 13),
            noise(5, "0", 3, (7, 5)),
            normals(5, "init/0", 9),
            exact_mask(5, "0", 3, (7, 5), 0.5),
        )

    with_extension = draw()
    monkeypatch.setenv("HUNCH_NO_NATIVE", "1")
    assert native_module() is None
    assert native_absence() == "HUNCH_NO_NATIVE is set"
    for a, b in zip(with_extension, draw(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_streams_import_without_torch_and_without_the_extension():
    code = """
import importlib.util, sys, types
sys.modules["torch"] = None
engine = types.ModuleType("hunch.engine")
engine.__path__ = list(importlib.util.find_spec("hunch").submodule_search_locations)
engine.__path__ = [p + "/engine" for p in engine.__path__]
sys.modules["hunch.engine"] = engine
import hunch.plan, hunch.engine.streams as s
print(s.noise(1, "0", 0, (2, 2)).sum())
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HUNCH_NO_NATIVE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(run.stdout) == noise(1, "0", 0, (2, 2)).sum()


def test_a_longer_draw_begins_with_the_shorter_one():
    np.testing.assert_array_equal(words(1, "order", 0, 100)[:37], words(1, "order", 0, 37))


def test_seed_stream_and_step_all_matter():
    first = words(1, "order", 0, 8)
    for other in (
        words(2, "order", 0, 8),
        words(1 + HALF, "order", 0, 8),
        words(1, "orders", 0, 8),
        words(1, "order", 1, 8),
    ):
        assert (first != other).any()


def test_every_epoch_is_a_fresh_permutation_without_its_last_examples():
    order = batches(seed=9, n=10, batch_size=4, steps=6)
    assert order.dtype == np.int64
    assert order.shape == (6, 4)
    for epoch in range(3):
        expected = np.argsort(words(9, "order", epoch, 10), kind="stable")[:8]
        np.testing.assert_array_equal(order[2 * epoch : 2 * epoch + 2].ravel(), expected)
    assert (order[:2] != order[2:4]).any()


def test_batches_need_no_history():
    np.testing.assert_array_equal(batches(3, 100, 7, 50)[:20], batches(3, 100, 7, 20))


def test_no_step_is_asked_for_and_none_is_given():
    assert batches(3, 100, 7, 0).shape == (0, 7)


def test_two_mask_elements_share_a_word_low_half_first():
    drawn = words(4, "noise/0", 6, 8)
    expected = np.stack((drawn & 0xFFFF, drawn >> 16), axis=1).reshape(-1)[:15] / 65536
    np.testing.assert_array_equal(noise(4, "0", 6, (3, 5)), expected.reshape(3, 5))


@pytest.mark.parametrize("keep", [1e-9, 0.1, 0.5, 0.8, 1 - 1e-9, 1.0])
def test_noise_below_keep_is_the_mask_of_the_threshold(keep):
    units = np.arange(65536)
    np.testing.assert_array_equal(units / 65536 < keep, units < keep_threshold(keep))
    assert keep <= realised_keep(keep) <= keep + 1 / 65536


def test_masks_of_two_keep_probabilities_are_nested():
    u = noise(0, "0", 0, (100, 100))
    assert not ((u < 0.5) & ~(u < 0.8)).any()


def test_normals_are_normal():
    draws = normals(0, "init/0", 20_000)
    assert stats.kstest(draws, "norm").pvalue > 0.001
    assert np.isfinite(gaussian_noise(0, "0", 0, (50, 50))).all()


def test_exact_masks_keep_the_floor_or_the_ceiling_with_the_right_mean():
    kept = exact_mask(1, "0", 0, (20_000, 12), 0.55).sum(axis=1)
    assert set(kept.tolist()) == {6, 7}
    assert abs(kept.mean() - 6.6) < 4 * np.sqrt(0.24 / 20_000)


def test_exact_masks_treat_all_units_and_pairs_alike():
    kept = exact_mask(1, "0", 0, (30_000, 6), 0.5)
    assert np.abs(kept.mean(axis=0) - 0.5).max() < 4 * 0.5 / np.sqrt(30_000)
    pairs = kept.T.astype(float) @ kept / 30_000
    off = pairs[~np.eye(6, dtype=bool)]
    assert np.abs(off - 0.2).max() < 4 * 0.4 / np.sqrt(30_000)  # 3·2 / (6·5)


@pytest.mark.parametrize(
    ("keep", "units", "parts"), [(1.0, 7, (7, 0)), (0.1, 3, (0, 1288490189)), (11 / 12, 12, (11, 0))]
)
def test_exact_parts_take_whole_products_as_meant(keep, units, parts):
    assert exact_parts(units, keep) == parts


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: words(-1, "order", 0, 1), "seed must be a whole number from 0 to 2\\^64 - 1, got -1"),
        (lambda: words(2**64, "order", 0, 1), "seed must be"),
        (lambda: words(True, "order", 0, 1), "seed must be"),
        (lambda: words(0, "order", -1, 1), "step must be a whole number from 0"),
        (lambda: words(0, "order", 0, 2**34 + 1), "n must be a whole number"),
        (lambda: batches(0, 10, 11, 1), "batch_size must be at most .* got batch_size=11"),
        (lambda: batches(0, 10, 0, 1), "batch_size must be a whole number from 1"),
        (lambda: batches(0.5, 0, 1, -1), "3 problems"),
        (lambda: noise(0, "0", 0, (-1, 2)), "every side of shape"),
        (lambda: keep_threshold(0), "keep_prob must be in \\(0, 1\\], got 0"),
        (lambda: keep_threshold(float("nan")), "keep_prob must be in"),
        (lambda: exact_mask(0, "0", 0, (2, 2), 20), "keep_prob must be in \\(0, 1\\], got 20"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(call, message):
    with pytest.raises(PlanError, match=message):
        call()
