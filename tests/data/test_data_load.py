"""`load`: the same data from every kind of input, and what happens to them on the way."""

import random
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from hunch.data import Data, digits, load
from hunch.errors import HunchWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = RNG.integers(0, 3, 60)
AMOUNT = RNG.normal(5, 2, 60).astype(np.float32)
REFERENCE = load((X, Y))


def assert_same(a: Data, b: Data):
    for name in ("x", "y", "x_held", "y_held"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert a.hash == b.hash


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(torch.tensor(X), Y.tolist(), strict=True)


def saved(folder, name="d.npz", **arrays):
    np.savez(folder / name, **arrays)
    return folder / name


DATASET = TensorDataset(torch.tensor(X), torch.tensor(Y))

SAME = {
    "float64 arrays": lambda _: (X.astype(np.float64), Y.astype(np.int32)),
    "lists": lambda _: (X.tolist(), Y.tolist()),
    "tensors": lambda _: (torch.tensor(X, requires_grad=True), torch.tensor(Y)),
    "a list of tensors": lambda _: (list(torch.tensor(X)), list(torch.tensor(Y))),
    "labels in a column": lambda _: (X, Y[:, None]),
    "a sparse matrix": lambda _: (scipy.sparse.csr_matrix(X), Y),
    "a pandas frame and series": lambda _: (pd.DataFrame(X), pd.Series(Y, index=range(100, 160))),
    "nullable pandas": lambda _: (pd.DataFrame(X).astype("Float32"), pd.Series(Y, dtype="Int64")),
    "a polars frame and series": lambda _: (pl.DataFrame(X), pl.Series(Y)),
    "an npz": lambda f: saved(f, X=X, y=Y),
    "an npz as text": lambda f: str(saved(f, X=X, y=Y, more=Y)),
    "a dataset": lambda _: DATASET,
    "a subset": lambda _: Subset(DATASET, range(60)),
    "an iterable dataset": lambda _: Stream(),
    "a loader": lambda _: DataLoader(DATASET, batch_size=7),
    "a shuffled loader that drops": lambda _: DataLoader(
        DATASET, batch_size=16, shuffle=True, drop_last=True
    ),
    "a loader of an iterable": lambda _: DataLoader(Stream(), batch_size=16, drop_last=True),
    "a loader without batches": lambda _: DataLoader(DATASET, batch_size=None),
    "a loader of one-example samplers": lambda _: DataLoader(
        DATASET, batch_size=4, sampler=SubsetRandomSampler(range(60))
    ),
    "a loader of whole batches": lambda _: DataLoader(
        [(torch.tensor(X[k : k + 20]), torch.tensor(Y[k : k + 20])) for k in (0, 20, 40)], batch_size=None
    ),
    "loaded data": lambda _: REFERENCE,
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_examples_give_the_same_data_whatever_they_came_in(kind, tmp_path):
    assert_same(load(SAME[kind](tmp_path)), REFERENCE)


def test_other_examples_give_other_data():
    with pytest.raises(AssertionError, match="not equal"):
        assert_same(load((X + 1, Y)), REFERENCE)
    assert load((X[::-1], Y)).hash != REFERENCE.hash
    assert load((X, AMOUNT)).hash != load((X, AMOUNT + 1)).hash


def test_a_given_held_out_part_is_kept_as_it_is(tmp_path):
    data = load((X[:40], Y[:40], X[40:], Y[40:]))
    np.testing.assert_array_equal(data.x, X[:40])
    np.testing.assert_array_equal(data.y_held, Y[40:])
    for keys in (("X", "y", "X_held", "y_held"), ("x_train", "y_train", "x_test", "y_test")):
        parts = dict(zip(keys, (X[:40], Y[:40], X[40:], Y[40:]), strict=True))
        assert_same(load(saved(tmp_path, f"{keys[0]}.npz", **parts)), data)


def test_no_input_is_changed_nor_shared():
    x, y, x_held, y_held = X[:40].copy(), Y[:40].copy(), X[40:].copy(), Y[40:].copy()
    data = load((x, y, x_held, y_held))
    np.testing.assert_array_equal(x, X[:40])
    for mine, given in ((data.x, x), (data.y, y), (data.x_held, x_held), (data.y_held, y_held)):
        assert not np.shares_memory(mine, given)
    frame = pd.DataFrame({"a": X[:, 0], "t": Y})
    before = frame.copy()
    load(frame, y="t")
    pd.testing.assert_frame_equal(frame, before)


def test_bytes_are_divided_by_255_and_said_to_be():
    data = load((np.full((60, 2, 2), 51, dtype=np.uint8) * np.arange(60)[:, None, None].astype(np.uint8), Y))
    assert data.x.dtype == np.float32
    assert data.x.shape[1:] == (2, 2)
    assert 0 <= data.x.min() < data.x.max() <= 1
    assert any("divided by 255" in note for note in data.notes)


def test_bytes_as_labels_are_not_divided():
    np.testing.assert_array_equal(load((X, Y.astype(np.uint8))).y, REFERENCE.y)


def test_truth_values_are_labels():
    data = load((X, Y > 0))
    assert data.labels
    assert data.n_classes == 2
    assert data.y.dtype == np.int64


def test_text_labels_are_numbered_in_order_and_the_mapping_is_noted():
    names = np.array(["cat", "ant", "bee"])
    for y in (names[Y], names[Y].astype(object), names[Y].tolist(), pd.Series(names[Y])):
        data = load((X, y))
        assert data.n_classes == 3
        assert "The labels in y became 0 = 'ant', 1 = 'bee', 2 = 'cat'." in data.notes
    given = load((X[:30], names[Y[:30]], X[30:], names[Y[30:]]))
    np.testing.assert_array_equal(given.y_held, np.array([2, 0, 1])[Y[30:]])


def test_text_labels_that_are_numbers_are_ordered_as_numbers():
    data = load((X, np.array(["10", "9", "2"])[Y]))
    assert "The labels in y became 0 = '2', 1 = '9', 2 = '10'." in data.notes


def test_floats_are_amounts_used_as_given():
    data = load((X, AMOUNT))
    assert not data.labels
    assert data.n_classes == 0
    assert data.y.shape == (48, 1)
    assert data.y.dtype == np.float32
    np.testing.assert_array_equal(data.y_scale, [1.0])
    np.testing.assert_array_equal(data.y_offset, [0.0])
    assert set(data.y.ravel()) | set(data.y_held.ravel()) == set(AMOUNT)


def test_floats_that_look_like_classes_stay_amounts_and_are_noted():
    data = load((X, Y.astype(float)))
    assert not data.labels
    assert any("y.astype(int)" in note for note in data.notes)
    assert not any("y.astype(int)" in note for note in load((X, AMOUNT)).notes)


def test_several_outputs_keep_their_columns():
    assert load((X, np.stack([AMOUNT, -AMOUNT], axis=1))).y.shape == (48, 2)


def test_half_precision_tensors_are_read():
    data = load((torch.tensor(X).bfloat16(), torch.tensor(AMOUNT).half()))
    assert data.x.dtype == data.y.dtype == np.float32


def test_masked_arrays_count_as_missing():
    masked = np.ma.masked_array(X, mask=np.arange(180).reshape(60, 3) == 4)
    data = load((masked, Y), missing="drop")
    assert data.n + data.n_held == 59


def test_dropping_leaves_out_every_row_with_a_gap_and_only_those():
    x, y = X.copy(), AMOUNT.copy()
    x[3, 1] = x[5, 0] = x[5, 2] = np.nan
    y[7] = np.nan
    keep = np.delete(np.arange(60), [3, 5, 7])
    data = load((x, y), missing="drop")
    assert_same(data, load((X[keep], AMOUNT[keep])))
    assert "3 of 60 rows of X were left out: a value is missing." in data.notes


def test_text_labels_with_gaps_can_be_dropped():
    y = np.array(["a", "b", None], dtype=object)[Y]
    data = load((X, y), missing="drop")
    assert data.n + data.n_held == (Y < 2).sum()


def test_gaps_are_filled_with_the_median_of_the_training_part():
    x = X.copy()
    x[::7, 1] = np.nan
    data = load((x[:40], Y[:40], x[40:], Y[40:]), missing="median")
    median = np.nanmedian(x[:40, 1])
    np.testing.assert_array_equal(data.x[::7, 1], np.full(6, median))
    np.testing.assert_array_equal(data.x_held[2::7, 1], np.full(3, median))
    np.testing.assert_array_equal(data.x[:, 0], X[:40, 0])
    assert any(note.startswith("9 missing inputs") for note in data.notes)


def test_filling_a_split_of_its_own_uses_the_training_part_alone():
    x = X.copy()
    x[::7, 1] = np.nan
    data = load((x, Y), missing="median")
    filled = np.concatenate([data.x, data.x_held])[:, 1]
    values, counts = np.unique(filled, return_counts=True)
    median = values[counts.argmax()]
    assert counts.max() >= 9
    known = set(X[:, 1]) - set(X[::7, 1])
    assert median == np.float32(np.median([v for v in data.x[:, 1] if v in known]))
    assert median != np.float32(np.median(list(known)))


def test_a_whole_dataset_is_read_in_order_even_if_a_loader_draws_a_subset():
    loader = DataLoader(DATASET, batch_size=4, sampler=SubsetRandomSampler([9, 3, *range(20, 59)]))
    rows = [3, 9, *range(20, 59)]
    assert_same(load(loader), load((X[rows], Y[rows])))


def test_a_batch_sampler_is_said_not_to_be_used():
    class Pairs(torch.utils.data.Sampler):
        def __iter__(self):
            return iter([[0, 1], [2, 3]])

    data = load(DataLoader(DATASET, batch_sampler=Pairs()))
    assert_same(data, REFERENCE)
    assert any("Pairs was not used" in note for note in data.notes)


def test_a_loader_is_read_through_its_own_collate():
    def doubled(batch):
        x, y = default_collate(batch)
        return 2 * x, y

    assert_same(load(DataLoader(DATASET, batch_size=8, collate_fn=doubled)), load((2 * X, Y)))


@pytest.mark.parametrize("make", [lambda: DATASET, lambda: DataLoader(DATASET, batch_size=8, shuffle=True)])
def test_reading_uses_no_global_random_state(make):
    data = make()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    before = torch.get_rng_state().clone(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    load(data)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == random.getstate()


def test_augmentation_is_noticed():
    class Noisy(torch.utils.data.Dataset):
        rng = np.random.default_rng(0)

        def __len__(self):
            return 60

        def __getitem__(self, k):
            return X[k] + self.rng.normal(size=3), Y[k]

    with pytest.warns(HunchWarning, match="gives other numbers each time it is read"):
        load(Noisy())


def test_a_weighted_sampler_is_refused_even_if_it_has_all_indices():
    with pytest.raises(ValueError, match="data-loader-sampler"):
        load(DataLoader(DATASET, sampler=WeightedRandomSampler([1.0] * 60, 60)))


def test_duplicates_across_the_split_are_counted_and_warned_about_where_the_user_stands():
    x_held = np.concatenate([X[:3], -X[:2], X[:1]])
    with pytest.warns(
        HunchWarning, match="4 of 6 held-out examples also stand in the training part"
    ) as caught:
        data = load((X[:40], Y[:40], x_held, Y[:6]))
    assert caught[0].filename == __file__
    assert any(note.startswith("4 of 6 held-out") for note in data.notes)


def test_zero_and_minus_zero_are_duplicates():
    x = X[:40].copy()
    x[0, 0] = 0.0
    x_held = X[40:].copy()
    x_held[5] = x[0] * [-1, 1, 1]
    with pytest.warns(HunchWarning, match="1 of 20 held-out examples also stands"):
        load((x, Y[:40], x_held, Y[40:]))


def test_no_duplicates_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load((X, Y))


def test_the_digits_are_the_1797_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    data = digits()
    assert_same(data, load((theirs.data / 16, theirs.target)))
    assert_same(data, load("digits"))
    assert (data.n, data.n_held, data.n_classes) == (1438, 359, 10)
    assert data.x.max() == 1


def test_the_digits_come_with_their_licences():
    import importlib.resources

    text = importlib.resources.files("hunch.data").joinpath("digits-licence.txt").read_text()
    assert "CC BY 4.0" in text
    assert "BSD 3-Clause" in text


def test_the_split_and_the_hash_of_the_digits_never_change():
    # A changed figure changes every number of every study on the digits: never accept one by the way.
    data = digits()
    assert data.hash == "1c4b9af6cff2d16ec0c1e2d1111f642dfeed9a899209ac504bad23a23c1fafea"
    np.testing.assert_array_equal(np.bincount(data.y_held), [36, 36, 35, 37, 36, 36, 36, 36, 35, 36])


def test_the_door_opens_without_torch_pandas_or_narwhals():
    import subprocess

    code = (
        "import sys; import hunch.data; hunch.data.digits();"
        "print(sorted({'torch', 'pandas', 'narwhals', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
