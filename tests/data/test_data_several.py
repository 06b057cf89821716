"""Several inputs: in order or by name, from arrays, datasets and loaders; what they become."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from hunch.data import load, validation_split
from hunch.data.dataset import fingerprint
from hunch.data.split import n_shared_rows
from hunch.errors import HunchWarning

RNG = np.random.default_rng(0)
N = 60
NUMBERS = RNG.normal(size=(N, 3)).astype(np.float32)
TOKENS = RNG.integers(0, 9999, (N, 2))
GROUP = RNG.integers(0, 4, N)
Y = RNG.integers(0, 3, N)
NAMED = {"tokens": TOKENS, "numbers": NUMBERS, "group": GROUP}
IN_ORDER = (TOKENS, NUMBERS, GROUP)


def rows(x, start, stop):
    return {name: array[start:stop].copy() for name, array in x.items()}


TRAIN, HELD = rows(NAMED, 0, 40), rows(NAMED, 40, N)


def assert_same(a, b):
    assert a.x.dtype == b.x.dtype
    for part in ("x", "x_held"):
        for field in a.x.dtype.names:
            np.testing.assert_array_equal(getattr(a, part)[field], getattr(b, part)[field])
    np.testing.assert_array_equal(a.y, b.y)
    assert a.hash == b.hash


class Items(Dataset):
    def __init__(self, item):
        self.item = item

    def __len__(self):
        return N

    def __getitem__(self, k):
        return self.item(k), int(Y[k])


def named_item(k):
    return {"tokens": torch.tensor(TOKENS[k]), "numbers": torch.tensor(NUMBERS[k]), "group": int(GROUP[k])}


def item_in_order(k):
    return torch.tensor(TOKENS[k]), torch.tensor(NUMBERS[k]), int(GROUP[k])


def collate(items):
    x, y = zip(*items, strict=True)
    return {name: torch.stack([torch.as_tensor(i[name]) for i in x]) for name in x[0]}, torch.tensor(y)


BY_NAME = {
    "lists": lambda: ({name: array.tolist() for name, array in NAMED.items()}, Y.tolist()),
    "tensors": lambda: ({name: torch.tensor(array) for name, array in NAMED.items()}, torch.tensor(Y)),
    "a dataset": lambda: Items(named_item),
    "a loader": lambda: DataLoader(Items(named_item), batch_size=7, shuffle=True, drop_last=True),
    "a loader of single examples": lambda: DataLoader(Items(named_item), batch_size=None),
    "a loader that collates itself": lambda: DataLoader(Items(named_item), batch_size=16, collate_fn=collate),
}
BY_ORDER = {
    "lists": lambda: (tuple(array.tolist() for array in IN_ORDER), Y.tolist()),
    "tensors": lambda: (tuple(map(torch.tensor, IN_ORDER)), torch.tensor(Y)),
    "a dataset": lambda: Items(item_in_order),
    "a loader": lambda: DataLoader(Items(item_in_order), batch_size=7),
    "a loader whose batch has as many examples as there are inputs": lambda: DataLoader(
        Items(item_in_order), batch_size=3
    ),
    "a loader of single examples": lambda: DataLoader(Items(item_in_order), batch_size=None),
}


@pytest.mark.parametrize("kind", BY_NAME)
def test_inputs_by_name_are_the_same_whatever_they_came_in(kind):
    assert_same(load(BY_NAME[kind]()), load((NAMED, Y)))


@pytest.mark.parametrize("kind", BY_ORDER)
def test_inputs_in_order_are_the_same_whatever_they_came_in(kind):
    data = load(BY_ORDER[kind]())
    assert data.x.dtype.names == ("0", "1", "2")
    assert_same(data, load((IN_ORDER, Y)))


def test_the_check_of_sameness_can_fail():
    with pytest.raises(AssertionError, match="not equal"):
        assert_same(load((NAMED, Y)), load(({**NAMED, "numbers": NUMBERS + 1}, Y)))


def test_each_input_has_its_type():
    pixels = RNG.integers(0, 256, (N, 2, 2)).astype(np.uint8)
    x = {
        "pixels": pixels,
        "tokens": TOKENS.astype(np.int32),
        "amount": NUMBERS.astype(np.float64),
        "on": Y > 0,
    }
    data = load((rows(x, 0, 40), Y[:40], rows(x, 40, N), Y[40:]))
    assert [data.x[f].dtype for f in x] == [np.float32, np.int64, np.float32, np.bool_]
    assert data.x["pixels"].shape == (40, 2, 2)
    np.testing.assert_array_equal(data.x["pixels"], pixels[:40].astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(data.x["on"], Y[:40] > 0)
    assert "The inputs X['pixels'] were bytes (uint8) and were divided by 255." in data.notes
    assert (
        "The network gets 4 inputs by name: pixels (float32, 2 × 2 an example), tokens (int64, 2 an example), amount "
        "(float32, 3 an example), on (bool, one an example)." in data.notes
    )
    assert "X['tokens'] (40, 2)" in data.source


def test_the_split_keeps_the_inputs_of_an_example_together_and_is_stratified():
    marks = np.arange(N)
    data = load(({"mark": marks, "same": marks.astype(float)[:, None]}, Y))
    for part, y in ((data.x, data.y), (data.x_held, data.y_held)):
        np.testing.assert_array_equal(part["mark"], part["same"][:, 0])
        np.testing.assert_array_equal(y, Y[part["mark"]])
    assert sorted([*data.x["mark"], *data.x_held["mark"]]) == list(range(N))
    shares = np.bincount(data.y_held) / np.bincount(Y)
    assert (abs(shares - 0.2) < 0.07).all()
    inner = validation_split(data)
    assert inner.n + inner.n_held == data.n
    assert inner.x.dtype == data.x.dtype
    assert not set(inner.x["mark"]) & set(inner.x_held["mark"])


def test_held_out_inputs_go_by_name_whatever_their_order():
    flipped = dict(reversed(HELD.items()))
    assert_same(load((TRAIN, Y[:40], flipped, Y[40:])), load((TRAIN, Y[:40], HELD, Y[40:])))


def test_two_held_out_examples_of_two_inputs_are_inputs():
    data = load(((TOKENS[:40], NUMBERS[:40]), Y[:40], (TOKENS[40:42], NUMBERS[40:42]), Y[40:42]))
    np.testing.assert_array_equal(data.x_held["1"], NUMBERS[40:42])


def test_a_tuple_with_an_item_an_example_is_one_array_and_so_is_a_list():
    for x in (
        tuple(NUMBERS),
        list(NUMBERS),
        tuple(map(tuple, NUMBERS.tolist())),
        list(torch.tensor(NUMBERS)),
    ):
        data = load((x, Y))
        assert data.x.dtype == np.float32
        assert_array_same(data.x, load((NUMBERS, Y)).x)


def assert_array_same(a, b):
    np.testing.assert_array_equal(a, b)


def test_rows_of_numbers_in_a_dataset_are_one_array():
    data = load(Items(lambda k: tuple(NUMBERS[k].tolist())))
    assert data.x.shape[1:] == (3,)
    assert load(Items(lambda k: tuple(NUMBERS[k]))).hash == data.hash


def test_one_input_in_a_tuple_or_dict_keeps_its_whole_numbers():
    assert load(((TOKENS,), Y)).x["0"].dtype == np.int64
    assert load(({"input_ids": TOKENS}, Y)).x["input_ids"].dtype == np.int64


def test_gaps_are_dropped_or_filled_an_input_each():
    holey = NUMBERS.copy()
    holey[[3, 7], 1] = np.nan
    lone = RNG.normal(size=N)
    lone[7] = np.nan
    dropped = load(({"a": holey, "b": lone, "c": TOKENS}, Y), missing="drop")
    assert dropped.n + dropped.n_held == N - 2
    held = {"a": NUMBERS + 1, "b": lone, "c": TOKENS}
    filled = load(({"a": holey, "b": lone, "c": TOKENS}, Y, held, Y), missing="median")
    assert filled.x["a"][3, 1] == np.nanmedian(holey[:, 1])
    assert filled.x["b"][7] == filled.x_held["b"][7] == np.float32(np.nanmedian(lone.astype(np.float32)))
    np.testing.assert_array_equal(filled.x["c"], TOKENS)
    assert any(note.startswith("4 missing inputs were replaced") for note in filled.notes)


def test_the_hash_knows_values_names_and_types():
    plain = load((NAMED, Y)).hash
    renamed = {("other" if name == "group" else name): array for name, array in NAMED.items()}
    assert plain != load((renamed, Y)).hash
    assert plain != load(({**NAMED, "group": GROUP.astype(float)}, Y)).hash
    changed = TOKENS.copy()
    changed[5, 1] += 1
    assert plain != load(({**NAMED, "tokens": changed}, Y)).hash
    assert plain == load(({name: np.asfortranarray(array) for name, array in NAMED.items()}, Y)).hash
    packed = load((NAMED, Y)).x
    assert fingerprint(packed) == fingerprint(packed.astype(packed.dtype.newbyteorder(">")))


def test_shared_examples_are_those_whose_inputs_are_all_the_same():
    x = load((NAMED, Y)).x
    held = x[:5].copy()
    assert n_shared_rows(x, held) == 5
    held["group"][0] += 1
    held["numbers"][1, 2] += 1
    held["tokens"][2, 0] += 1
    assert n_shared_rows(x, held) == 2
    zeros, negative = x[:1].copy(), x[:1].copy()
    zeros["numbers"], negative["numbers"] = 0.0, -0.0
    assert n_shared_rows(zeros, negative) == 1
    with pytest.warns(HunchWarning, match="2 of 2 held-out examples also stand"):
        load((NAMED, Y, {name: array[:2] for name, array in NAMED.items()}, Y[:2]))


def test_no_input_is_changed_nor_shared():
    x, held = rows(NAMED, 0, 40), rows(NAMED, 40, N)
    data = load((x, Y[:40], held, Y[40:]))
    data.x["numbers"][:] = 0
    data.x_held["tokens"][:] = 0
    for name, array in NAMED.items():
        np.testing.assert_array_equal(x[name], array[:40])
        np.testing.assert_array_equal(held[name], array[40:])


def test_a_dataset_that_draws_anew_is_noticed_in_any_input():
    draws = np.random.default_rng(1)
    with pytest.warns(HunchWarning, match="other numbers each time"):
        load(Items(lambda k: {"a": torch.tensor(NUMBERS[k]), "b": torch.tensor(draws.normal())}))
