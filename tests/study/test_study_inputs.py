"""Whatever holds the examples, the training is the same, and its networks have the errors that are told."""

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load

RUN = {
    "arm": hunch.Arm("x", batch_size=16), "seeds": [3], "budget": 20, "lr": 0.1, "engine": "loop",
    "progress": False,
}  # fmt: skip


@pytest.fixture
def examples():
    rng = np.random.default_rng(21)
    x = rng.normal(size=(100, 4)).astype(np.float32)
    return x, np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5])


def numbers(runs):
    return runs.frame()[["cost", "held_out_cost", "held_out_error"]].iloc[0].tolist()


# ---- arrays and what holds arrays ------------------------------------------------------------------------


def npz(folder, **arrays):
    np.savez(folder / "d.npz", **arrays)
    return str(folder / "d.npz")


ARRAYS = {
    "npz": lambda x, y, folder: npz(folder, X=x, y=y),
    "torch tensors": lambda x, y, _: (torch.from_numpy(x), torch.from_numpy(y)),
    "Dataset": lambda x, y, _: torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y)),
    "DataLoader": lambda x, y, _: torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=7, shuffle=True
    ),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_train_alike_whatever_holds_them(examples, tmp_path, kind):
    build = hunch.mlp([4, 6, 3], "tanh")
    state = torch.random.get_rng_state()
    given = hunch.train(build, ARRAYS[kind](*examples, tmp_path), **RUN)
    assert numbers(given) == numbers(hunch.train(build, examples, **RUN))
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_held_out_part_that_is_given_is_the_one_that_is_judged(examples, tmp_path):
    x, y = examples
    build = hunch.mlp([4, 6, 3], "tanh")
    four = (x[:70], y[:70], x[70:], y[70:])
    names = ("x_train", "y_train", "x_test", "y_test")
    runs = hunch.train(build, four, **RUN)
    stored = hunch.train(build, npz(tmp_path, **dict(zip(names, four, strict=True))), **RUN)
    assert numbers(runs) == numbers(stored)
    with torch.no_grad():
        wrong = runs.network(3)(torch.from_numpy(x[70:])).argmax(1).numpy() != y[70:]
    assert runs.frame()["held_out_error"].item() == pytest.approx(wrong.mean())


# ---- tables -----------------------------------------------------------------------------------------------


@pytest.fixture
def houses():
    """A regression with a column of categories; the price is in the thousands."""
    rng = np.random.default_rng(22)
    frame = pd.DataFrame({"area": rng.normal(100, 20, 120), "rooms": rng.integers(1, 7, 120)})
    frame["town"] = np.array(["north", "south", "west"])[rng.integers(0, 3, 120)]
    town = frame["town"].map({"north": 0.0, "south": 400.0, "west": -300.0})
    frame["price"] = 2000 + 10 * frame["area"] + town + 30 * rng.normal(size=120)
    return frame


def table(kind, frame, folder):
    if kind == "csv":
        frame.to_csv(folder / "d.csv", index=False)
        return folder / "d.csv"
    if kind == "parquet":
        frame.to_parquet(folder / "d.parquet")
        return str(folder / "d.parquet")
    return polars.from_pandas(frame) if kind == "polars" else frame


@pytest.mark.parametrize("kind", ["csv", "parquet", "polars"])
def test_tables_train_alike_whatever_holds_them(houses, tmp_path, kind):
    build = hunch.mlp([5, 6, 1], "tanh")
    houses = houses.round(3)
    given = hunch.train(build, table(kind, houses, tmp_path), y="price", **RUN)
    np.testing.assert_allclose(
        numbers(given), numbers(hunch.train(build, houses, y="price", **RUN)), rtol=1e-6
    )


def test_a_regression_from_a_csv_with_categories_is_told_in_the_targets_unit(houses, tmp_path):
    runs = hunch.train(
        hunch.mlp([5, 8, 1], "tanh"), table("csv", houses, tmp_path), y="price", **{**RUN, "budget": 400}
    )
    assert runs.plan.cost == "mean_squared_error"
    assert runs.facts.error_unit == "target"
    network = runs.network(3)

    # By hand: the network's inputs are area and rooms, standardised on the training part, and three towns.
    data = load(houses, y="price")
    z = (houses["area"] - houses["area"].mean()) / houses["area"].std()
    order = np.argsort(z.to_numpy())
    areas = np.concatenate([data.x[:, 0], data.x_held[:, 0]])
    rank = dict(zip(np.sort(areas).round(4).tolist(), order, strict=True))
    rows = np.array([rank[area] for area in data.x_held[:, 0].round(4).tolist()])
    train = np.setdiff1d(np.arange(len(houses)), rows)
    inputs = [
        (houses[name] - houses.loc[train, name].mean()) / houses.loc[train, name].std(ddof=0)
        for name in ("area", "rooms")
    ] + [(houses["town"] == town).astype(float) for town in ("north", "south", "west")]
    x = torch.tensor(np.stack(inputs, axis=1)[rows], dtype=torch.float32)
    price = houses.loc[train, "price"]
    with torch.no_grad():
        guess = network(x).numpy().ravel() * price.std(ddof=0) + price.mean()
    error = np.sqrt(((guess - houses.loc[rows, "price"]) ** 2).mean())
    assert runs.frame()["held_out_error"].item() == pytest.approx(error, rel=1e-4)
    assert 20 < error < 0.6 * price.std(), "it has learned, and the unit is that of the price"


def test_a_regression_on_a_table_is_compared_and_its_verdict_is_in_the_targets_unit(houses):
    study = hunch.compare(
        hunch.mlp([5, 8, 1], "tanh"), houses, y="price", arms=[hunch.Arm("none"), hunch.Arm("l2", l2=5.0)],
        claims=[hunch.lower_error("none", than="l2"), hunch.lower_cost("none", than="l2")],
        base=hunch.Arm("base", lr=0.1, batch_size=16), budget=60, seeds=6, progress=False,
    )  # fmt: skip
    error = study.verdicts[0]
    assert error.effect > 10, "λ = 5 flattens the network: tens of units of the price"
    assert "point" not in str(study).splitlines()[0]


def test_text_labels_of_a_table_are_classes(houses):
    runs = hunch.train(hunch.mlp([3, 6, 3], "tanh"), houses, y="town", **RUN)
    assert runs.plan.cost == "cross_entropy"
    assert 0 <= runs.frame()["held_out_error"].item() <= 1


# ---- binary ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ints", "bools"])
def test_two_classes_with_one_output_are_judged_by_its_sign(examples, kind):
    x, _ = examples
    y = x[:, 0] > 0.3
    y = y if kind == "bools" else y.astype(int)
    build = hunch.mlp([4, 6, 1], "relu")
    runs = hunch.train(build, (x[:70], y[:70], x[70:], y[70:]), **{**RUN, "budget": 60, "lr": 0.5})
    assert runs.plan.cost == "binary_cross_entropy"
    with torch.no_grad():
        z = runs.network(3)(torch.from_numpy(x[70:])).double().ravel()
    true = torch.from_numpy(np.asarray(y[70:], dtype=float))
    frame = runs.frame()
    assert frame["held_out_error"].item() == pytest.approx(((z > 0) != (true > 0)).double().mean().item())
    expected = nn.functional.binary_cross_entropy(torch.sigmoid(z), true).item()
    assert frame["held_out_cost"].item() == pytest.approx(expected, rel=1e-5)
    assert frame["held_out_error"].item() < 0.3


def test_two_classes_with_two_outputs_are_cross_entropy(examples):
    x, _ = examples
    runs = hunch.train(hunch.mlp([4, 6, 2], "relu"), (x, (x[:, 0] > 0).astype(int)), **RUN)
    assert runs.plan.cost == "cross_entropy"
