"""The split is a function of the data, stratified, and leaves every class in the training part."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunch.data import digits, load, validation_split
from hunch.data.dataset import fingerprint
from hunch.data.split import n_shared_rows, split_rows
from hunch.errors import DataError

KEY = hashlib.sha256(b"data").hexdigest()
labels = st.lists(st.integers(0, 6), min_size=2, max_size=120).map(np.array)


@settings(max_examples=200, deadline=None)
@given(y=labels, key=st.integers(0, 99))
def test_every_split_is_a_stratified_fifth_that_leaves_each_class_an_example(y, key):
    key = hashlib.sha256(str(key).encode()).hexdigest()
    known, counts = np.unique(y, return_counts=True)
    if (counts == 1).all():
        with pytest.raises(DataError, match="data-labels-all-different"):
            split_rows(key, len(y), y)
        return
    train, held = split_rows(key, len(y), y)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(len(y)))
    assert set(y[train]) == set(known)
    # A class of one example stays in the training part, and the others are cut as if it were not there.
    n_rest = counts[counts > 1].sum()
    assert len(held) == max(1, (2 * n_rest + 5) // 10)
    for label, count in zip(known, counts, strict=True):
        taken = (y[held] == label).sum()
        exact = count * len(held) / n_rest if count > 1 else 0
        assert np.floor(exact) <= taken <= np.ceil(exact)
        assert taken < count


def test_large_classes_together_give_exactly_a_fifth():
    y = np.repeat([0, 1, 2], [101, 202, 199])
    train, held = split_rows(KEY, 502, y)
    assert (len(train), len(held)) == (402, 100)
    assert np.abs(np.bincount(y[held]) - np.bincount(y) / 5).max() < 1


@pytest.mark.parametrize(
    ("counts", "held"),
    [([50] + [1] * 50, [10] + [0] * 50), ([2] * 25 + [1] * 50, None), ([20, 20, 1], [4, 4, 0])],
    ids=["half of all examples stand alone", "the rest are pairs", "one stands alone"],
)
def test_classes_of_one_example_push_nothing_onto_the_others(counts, held):
    y = np.repeat(np.arange(len(counts)), counts)
    taken = np.bincount(y[split_rows(KEY, len(y), y)[1]], minlength=len(counts))
    assert taken.sum() == round(sum(c for c in counts if c > 1) / 5)
    assert held is None or taken.tolist() == held


def test_the_key_alone_decides_who_is_drawn():
    y = np.arange(100) % 4
    first, again = split_rows(KEY, 100, y)[1], split_rows(KEY, 100, y)[1]
    other = split_rows(hashlib.sha256(b"other").hexdigest(), 100, y)[1]
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()


def test_the_draw_is_the_one_it_always_was():
    assert split_rows(KEY, 20, None)[1].tolist() == [11, 13, 14, 15]
    assert split_rows(KEY, 20, np.arange(20) % 3)[1].tolist() == [9, 13, 14, 15]


def test_every_row_is_drawn_about_as_often():
    drawn = np.zeros(50)
    for k in range(2000):
        drawn[split_rows(hashlib.sha256(str(k).encode()).hexdigest(), 50, None)[1]] += 1
    # 2,000 draws of a fifth: mean 400, sd 18; five sd either way.
    assert np.abs(drawn - 400).max() < 90


def test_the_validation_split_cuts_the_training_part_and_touches_nothing_held_out():
    data = digits()
    inner = validation_split(data)
    assert inner.n + inner.n_held == data.n
    assert abs(inner.n_held - data.n / 5) < 1
    rows = {row.tobytes() for row in data.x}
    assert all(row.tobytes() in rows for row in np.concatenate([inner.x, inner.x_held]))
    assert n_shared_rows(inner.x, inner.x_held) == 0
    assert np.abs(np.bincount(inner.y_held) - np.bincount(data.y) / 5).max() < 1
    assert inner.hash != data.hash
    assert inner.hash == validation_split(data).hash
    assert inner.source == f"training part of {data.source}"


def test_the_validation_split_keeps_scale_and_classes():
    rng = np.random.default_rng(0)
    import pandas as pd

    data = load(pd.DataFrame({"a": rng.normal(size=50), "t": rng.normal(5, 2, 50)}), y="t")
    inner = validation_split(data)
    np.testing.assert_array_equal(inner.y_scale, data.y_scale)
    np.testing.assert_array_equal(inner.y_offset, data.y_offset)
    assert inner.y.shape[1] == 1


def test_a_training_part_of_one_cannot_be_cut_again():
    data = load((np.arange(4.0).reshape(2, 2), np.array([0, 1]), np.ones((1, 2)), np.array([0])))
    with pytest.raises(DataError, match="data-labels-all-different"):
        validation_split(data)


def test_shared_rows_are_counted_by_value():
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    assert n_shared_rows(x, x[[0, 0, 3]]) == 3
    assert n_shared_rows(x, x + 0.5) == 0
    assert n_shared_rows(x.reshape(3, 2, 2), x.reshape(3, 2, 2)[1:]) == 2


def test_the_fingerprint_sees_bytes_shapes_types_and_order():
    a, b = np.arange(4.0), np.ones(4)
    prints = [
        fingerprint(a, b),
        fingerprint(b, a),
        fingerprint(a.reshape(2, 2), b),
        fingerprint(a.astype(np.float32), b),
        fingerprint(np.concatenate([a, b])),
        fingerprint(a + 1e-15, b),
        fingerprint(a, b, np.zeros((0, 3))),
    ]
    assert len(set(prints)) == len(prints)


def test_the_fingerprint_does_not_depend_on_memory_layout_or_byte_order():
    a = np.arange(6.0).reshape(2, 3)
    assert fingerprint(a) == fingerprint(np.asfortranarray(a)) == fingerprint(a.astype(">f8"))
