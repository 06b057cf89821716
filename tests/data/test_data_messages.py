"""Every message of the data room, held in tests/data/messages.txt.

Accept a change with HUNCH_GOLD=accept, and read the diff: a message is part of the product.
"""

import datetime
import os
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, WeightedRandomSampler

import hunch.data
from hunch.data import choose_cost, load
from hunch.errors import HunchError

GOLD = Path(__file__).parent / "messages.txt"
X = np.linspace(0, 1, 160).reshape(40, 4)
Y = np.arange(40) % 2
AMOUNT = np.linspace(1, 9, 40)


def with_value(array, value, *at):
    out = np.array(array)
    out[at] = value
    return out


def frame(**columns):
    return pd.DataFrame({"age": X[:, 0], "t": Y, **columns})


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def npz(folder, **arrays):
    np.savez(folder / "d.npz", **arrays)
    return folder / "d.npz"


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield X[0], 0


class Items(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]


class Unsized(torch.utils.data.Dataset):
    def __getitem__(self, k):
        return X[k], Y[k]


def endless(_):
    hunch.data.examples.MAX_STREAM = 1000
    try:
        load(Endless())
    finally:
        hunch.data.examples.MAX_STREAM = 1_000_000


def without_pyarrow(folder):
    path = written(folder, "d.parquet", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        patch.setitem(sys.modules, "fastparquet", None)
        load(path, y="t")


TENSORS = TensorDataset(torch.tensor(X), torch.tensor(Y))

CASES = {
    # what was passed
    "nothing known": lambda _: load(3),
    "X alone": lambda _: load(X),
    "a list of two": lambda _: load([X, Y]),
    "a tuple of three": lambda _: load((X, Y, X)),
    "a tuple of two pairs": lambda _: load(((X, Y), (X, Y))),
    "an unknown way with missing values": lambda _: load((X, Y), missing="medain"),
    "y= with arrays": lambda _: load((X, Y), y="t"),
    "y= with digits": lambda _: load("digits", y="t"),
    "y= with an npz": lambda f: load(npz(f, X=X, y=Y), y="t"),
    # arrays
    "X and y of different length": lambda _: load((X, Y[:-1])),
    "the order of train_test_split": lambda _: load((X[:30], X[30:], Y[:30], Y[30:])),
    "empty arrays": lambda _: load((X[:0], Y[:0])),
    "X without columns": lambda _: load((X[:, :0], Y)),
    "X of one dimension": lambda _: load((X[:, 0], Y)),
    "X a number": lambda _: load((3, Y)),
    "X None": lambda _: load((None, Y)),
    "ragged X": lambda _: load(([[1, 2], [3]], [0, 1])),
    "X of text": lambda _: load((np.array([["a"], ["b"]]), [0, 1])),
    "X of objects": lambda _: load((np.array([[1, None], ["x", 2]], dtype=object), [0, 1])),
    "y of objects": lambda _: load((X[:2], np.array([{}, 2], dtype=object))),
    "X of dates": lambda _: load((np.array([["2020-01-01"]] * 40, dtype="datetime64[D]"), Y)),
    "complex X": lambda _: load((X * 1j, Y)),
    "a frame of text in a pair": lambda _: load((pd.DataFrame({"a": X[:, 0], "b": ["u", "v"] * 20}), Y)),
    "NaN in X": lambda _: load((with_value(X, np.nan, 3, 2), Y)),
    "NaN in images and in the target": lambda _: load(
        (with_value(X.reshape(40, 2, 2), np.nan, 3, 1, 0), with_value(AMOUNT, np.nan, 7))
    ),
    "infinity in X": lambda _: load((with_value(X, -np.inf, 5, 0), Y)),
    "too large for float32": lambda _: load((with_value(X, 1e39, 5, 0), Y)),
    "infinity in y": lambda _: load((X, with_value(AMOUNT, np.inf, 7))),
    "NaN in y, to be filled": lambda _: load((X, with_value(AMOUNT, np.nan, 7)), missing="median"),
    "y all NaN": lambda _: load((X, np.full(40, np.nan))),
    "nothing left after dropping": lambda _: load((with_value(X, np.nan, slice(None), 0), Y), missing="drop"),
    "no median": lambda _: load((with_value(X, np.nan, slice(None), 1), Y), missing="median"),
    "negative labels": lambda _: load((X, Y - 1)),
    "labels -1 and 1": lambda _: load((X, 2 * Y - 1)),
    "one-hot labels": lambda _: load((X, np.eye(2, dtype=int)[Y])),
    "integer amounts in columns": lambda _: load((X, np.arange(80).reshape(40, 2))),
    "a target of three dimensions": lambda _: load((X, AMOUNT.reshape(40, 1, 1))),
    "one class": lambda _: load((X, Y * 0)),
    "a constant target": lambda _: load((X, Y * 0 + 2.5)),
    "a constant output": lambda _: load((X, np.stack([AMOUNT, AMOUNT * 0], axis=1))),
    "labels that all differ": lambda _: load((X, np.arange(40))),
    "one example": lambda _: load((X[:1], Y[:1])),
    # a held-out part
    "other features held out": lambda _: load((X, Y, X[:, :3], Y)),
    "bytes and floats": lambda _: load(((X * 255).astype(np.uint8), Y, X, Y)),
    "another kind held out": lambda _: load((X, Y, X, AMOUNT)),
    "another number of outputs held out": lambda _: load((X, AMOUNT, X, np.stack([AMOUNT, AMOUNT], axis=1))),
    "an unknown label held out": lambda _: load((X, Y, X, Y + 1)),
    "an unknown name held out": lambda _: load((X[:3], ["cat", "dog", "cat"], X[3:5], ["cat", "eel"])),
    # several inputs
    "a key that is no name": lambda _: load(({"age in years": X}, Y)),
    "an empty dict": lambda _: load(({}, Y)),
    "an input that is shorter": lambda _: load(({"a": X, "b": X[:30]}, Y)),
    "a list of two inputs": lambda _: load(([X, X], Y)),
    "an input of text": lambda _: load(((X, np.array(["a"] * 40)), Y)),
    "an input that is a number": lambda _: load(({"a": X, "b": 3}, Y)),
    "NaN in one of two inputs": lambda _: load(((X, with_value(X, np.nan, 3, 2)), Y)),
    "no median of an input": lambda _: load(({"a": X, "b": X[:, 0] * np.nan}, Y), missing="median"),
    "one input held out": lambda _: load(({"a": X, "b": X}, Y, X, Y)),
    "other inputs held out": lambda _: load(({"a": X, "b": X}, Y, {"a": X, "c": X}, Y)),
    "other features of an input held out": lambda _: load(((X, Y), Y, (X[:, :3], Y), Y)),
    "whole numbers and floats held out": lambda _: load(((X, Y), Y, (X, AMOUNT), Y)),
    "examples with different inputs": lambda _: load(Items([({"a": X[0]}, 0), ({"b": X[0]}, 1)])),
    # files
    "an unknown name": lambda _: load("digit"),
    "no name": lambda _: load(""),
    "no file": lambda f: (written(f, "house.csv", "a"), load(f / "houses.csv", y="t")),
    "no folder": lambda f: load(f / "nowhere" / "d.csv", y="t"),
    "a folder": lambda f: load(f),
    "an unknown type": lambda f: load(written(f, "d.xlsx", "")),
    "an empty csv": lambda f: load(written(f, "d.csv", ""), y="t"),
    "a csv with a header only": lambda f: load(written(f, "d.csv", "a,t\n"), y="t"),
    "a csv that is none": lambda f: load(written(f, "d.csv", 'a,t\n1,2\n"3,4\n'), y="t"),
    "a csv without y=": lambda f: load(written(f, "d.csv", "a,t\n1,2\n")),
    "a csv without the column": lambda f: load(written(f, "d.csv", "a,target\n1,2\n"), y="Targe"),
    "a csv with semicolons": lambda f: load(written(f, "d.csv", "a;t\n1;2\n"), y="t"),
    "parquet without its reader": without_pyarrow,
    "npz without the keys": lambda f: load(npz(f, images=X, labels=Y)),
    "npz with half a held-out part": lambda f: load(npz(f, X=X, y=Y, X_held=X)),
    "npz with pickled objects": lambda f: load(npz(f, X=X, y=np.array([{}, []], dtype=object))),
    "npz that is none": lambda f: load(written(f, "d.npz", "no zip")),
    # frames
    "a frame of the target alone": lambda _: load(frame()[["t"]], y="t"),
    "a column twice": lambda _: load(pd.DataFrame(X[:, :3], columns=["a", "b", "a"]), y="b"),
    "missing values": lambda _: load(
        frame(b=with_value(X[:, 1], np.nan, [4, 9]), c=[None, "u"] + ["v", "w"] * 19), y="t"
    ),
    "missing targets": lambda _: load(frame(y=with_value(AMOUNT, np.nan, 6)), y="y", missing="median"),
    "empty columns": lambda _: load(frame(b=[np.nan] * 40, y=[None] * 40), y="y"),
    "every row has a gap": lambda _: load(
        frame(b=[None] * 39 + ["x"], c=["x"] + [None] * 39), y="t", missing="drop"
    ),
    "infinity in a column": lambda _: load(frame(b=with_value(X[:, 1], np.inf, 8)), y="t"),
    "dates": lambda _: load(frame(d=pd.date_range("2020-01-01", periods=40)), y="t"),
    "dates as objects": lambda _: load(frame(d=[datetime.date(2020, 1, 1)] * 40), y="t"),
    "dates as text": lambda _: load(frame(d=["2020-01-31", "2020-02-01"] * 20), y="t"),
    "lists in a column": lambda _: load(frame(d=[[1, 2]] * 40), y="t"),
    "numbers and text mixed": lambda _: load(frame(d=[1, "a"] * 20), y="t"),
    "numbers with a stray mark": lambda _: load(frame(d=["1", "2", "3", "?"] + ["4"] * 36), y="t"),
    "text that differs in every row": lambda _: load(frame(d=[f"n{k}" for k in range(40)]), y="t"),
    "too many categories": lambda _: load(
        pd.DataFrame({"d": [f"n{k % 101}" for k in range(202)], "t": [0, 1] * 101}), y="t"
    ),
    "a constant target column": lambda _: load(frame(y=[7.5] * 40), y="y"),
    "one class in a column": lambda _: load(frame(y=["yes"] * 40), y="y"),
    # datasets and loaders
    "a dataset of triples": lambda _: load(Items([(1, 2, 3)] * 4)),
    "a dataset of dicts": lambda _: load(Items([{"x": 1, "label": 2}] * 4)),
    "a loader of inputs alone": lambda _: load(DataLoader(torch.zeros(4, 2), batch_size=2)),
    "an empty dataset": lambda _: load(Items([])),
    "examples of different shape": lambda _: load(Items([(X[0], 0), (X[0, :3], 1)])),
    "a dataset without a length": lambda _: load(Unsized()),
    "an endless dataset": endless,
    "a weighted loader": lambda _: load(DataLoader(TENSORS, sampler=WeightedRandomSampler([1.0] * 40, 40))),
    # costs
    "an unknown cost": lambda _: choose_cost(load((X, Y)), 2, "crossentropy"),
    "cross-entropy with one output": lambda _: choose_cost(load((X, Y)), 1, "cross_entropy"),
    "binary cross-entropy with two outputs": lambda _: choose_cost(load((X, Y)), 2, "binary_cross_entropy"),
    "one output for three classes": lambda _: choose_cost(load((X, np.arange(40) % 3)), 1),
    "labels out of range": lambda _: choose_cost(load((X, np.arange(40) % 3)), 2),
    "labels from 1": lambda _: choose_cost(load((X, Y + 1)), 2),
    "squared error of labels": lambda _: choose_cost(load((X, Y)), 1, "mean_squared_error"),
    "cross-entropy of amounts": lambda _: choose_cost(load((X, AMOUNT)), 1, "cross_entropy"),
    "float labels with several outputs": lambda _: choose_cost(load((X, Y.astype(float))), 2),
    "outputs that are not the columns": lambda _: choose_cost(
        load((X, np.stack([AMOUNT, -AMOUNT], axis=1))), 3
    ),
}


def message_of(case, folder):
    try:
        CASES[case](folder)
    except HunchError as error:
        return f"{type(error).__name__}: {error}".replace(str(folder), "FOLDER")
    raise AssertionError(f"{case}: nothing refused it")


def read_gold():
    return dict(part.strip("\n").split("\n", 1) for part in GOLD.read_text().split("\n## ")[1:])


@pytest.fixture(scope="module", autouse=True)
def accepted(tmp_path_factory):
    """With HUNCH_GOLD=accept the messages of today become the gold ones."""
    if os.environ.get("HUNCH_GOLD") == "accept":
        texts = {case: message_of(case, tmp_path_factory.mktemp("gold")) for case in CASES}
        listed = "".join(f"\n## {case}\n{text}\n" for case, text in texts.items())
        GOLD.write_text(f"Every message of test_data_messages.py.\n{listed}")


@pytest.mark.parametrize("case", CASES)
def test_message_is_the_gold_one(case, tmp_path):
    assert message_of(case, tmp_path) == read_gold()[case]


def test_the_gold_check_can_fail(tmp_path):
    assert message_of("negative labels", tmp_path) != read_gold()["labels -1 and 1"]


def test_a_case_that_nothing_refuses_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setitem(CASES, "fine", lambda _: load((X, Y)))
    with pytest.raises(AssertionError, match="fine: nothing refused it"):
        message_of("fine", tmp_path)


def test_every_slug_of_the_room_stands_in_a_gold_message():
    sources = Path(hunch.data.__file__).parent.glob("*.py")
    slugs = {s for path in sources for s in re.findall(r'"(data-[a-z0-9-]+)"', path.read_text())}
    assert len(slugs) > 30
    assert slugs == set(re.findall(r"\[(data-[a-z0-9-]+)\]", GOLD.read_text()))
