"""Frames, csv and parquet: scaled on the training part, one-hot, labels or amounts by the column's type."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hunch.data import constant_error, load
from hunch.errors import DataError, HunchWarning

RNG = np.random.default_rng(1)
N = 100
FRAME = pd.DataFrame(
    {
        "area": RNG.normal(80, 20, N).round(3),
        "rooms": RNG.integers(1, 6, N),
        "city": RNG.choice(["Rome", "Oslo", "Bern"], N),
        "lift": RNG.random(N) < 0.5,
        "price": RNG.normal(300, 50, N).round(3),
        "kind": RNG.choice(["flat", "house"], N),
    }
)
NUMBERS = FRAME[["area", "rooms", "price"]]


def said(data, part):
    return any(part in note for note in data.notes)


@pytest.mark.parametrize("y", ["price", "kind", "rooms"])
def test_the_same_table_gives_the_same_data_whatever_it_came_in(y, tmp_path):
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    FRAME.to_parquet(tmp_path / "d.parquet")
    reference = load(FRAME, y=y)
    for data in (
        load(tmp_path / "d.csv", y=y),
        load(str(tmp_path / "d.parquet"), y=y),
        load(pl.from_pandas(FRAME), y=y),
        load(pl.from_pandas(FRAME).lazy(), y=y),
        load(FRAME.astype({"city": "category"}).convert_dtypes(), y=y),
        load(FRAME.set_index(np.arange(N)[::-1]), y=y),
    ):
        assert data.hash == reference.hash
        np.testing.assert_array_equal(data.x, reference.x)


def test_the_source_names_the_file_its_size_and_the_target(tmp_path):
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    assert load(tmp_path / "d.csv", y="price").source == "d.csv, 100 rows, target 'price'"
    assert load(FRAME, y="price").source == "pandas frame, 100 rows, target 'price'"


def test_columns_are_standardised_on_the_training_part_alone():
    data = load(NUMBERS, y="price")
    assert data.x.shape == (80, 2)
    np.testing.assert_allclose(data.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.x.std(axis=0), 1, rtol=1e-6)
    area = np.concatenate([data.x, data.x_held])[:, 0]
    shift, scale = np.polyfit(np.sort(area), np.sort(NUMBERS["area"]), 1)[::-1]
    assert abs(shift - NUMBERS["area"].mean()) > 1e-3  # else the held-out part had its say
    np.testing.assert_allclose(np.sort(area) * scale + shift, np.sort(NUMBERS["area"]), rtol=1e-5)


def test_a_regression_target_is_standardised_and_can_be_put_back():
    data = load(NUMBERS, y="price")
    np.testing.assert_allclose(data.y.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(data.y.std(), 1, rtol=1e-6)
    back = np.concatenate([data.y, data.y_held]) * data.y_scale + data.y_offset
    np.testing.assert_allclose(np.sort(back.ravel()), np.sort(NUMBERS["price"]), rtol=1e-6)
    assert said(data, "errors are in its own unit")
    assert 30 < constant_error(data) < 70


def test_text_and_truth_values_become_one_column_a_category():
    data = load(FRAME[["lift", "city", "area", "price"]], y="price")
    assert data.x.shape == (80, 6)
    hot = np.concatenate([data.x, data.x_held])[:, :5]
    assert set(np.unique(hot)) == {0, 1}
    assert (hot[:, :2].sum(axis=1) == 1).all()
    assert (hot[:, 2:].sum(axis=1) == 1).all()
    shares = hot.mean(axis=0)
    expected = [(FRAME["lift"] == v).mean() for v in (False, True)]
    expected += [(FRAME["city"] == v).mean() for v in ("Bern", "Oslo", "Rome")]
    np.testing.assert_allclose(shares, expected, rtol=1e-6)
    assert said(data, "3 columns became 6 inputs: 1 standardised on the training part; one-hot ")
    assert said(data, "one-hot 'lift' → 2 (False, True), 'city' → 3 (Bern, Oslo, Rome).")


def test_a_category_without_rows_gets_no_input():
    column = pd.Categorical(FRAME["city"], categories=["Bern", "Oslo", "Rome", "Turin"])
    assert load(NUMBERS.assign(city=column), y="price").x.shape[1] == 2 + 3


def test_a_constant_column_is_shifted_and_noted():
    data = load(NUMBERS.assign(same=0.1), y="price")
    np.testing.assert_array_equal(data.x[:, 2], 0)
    np.testing.assert_array_equal(data.x_held[:, 2], 0)
    assert said(data, "Constant in the training part, so only shifted to 0: 'same'.")


def test_text_targets_are_classes():
    data = load(FRAME, y="kind")
    assert data.labels
    assert said(data, "The labels in column 'kind' became 0 = 'flat', 1 = 'house'.")
    assert np.concatenate([data.y, data.y_held]).sum() == (FRAME["kind"] == "house").sum()


@pytest.mark.parametrize("first", [0, 1])
def test_whole_numbers_that_run_from_0_or_1_are_labels(first):
    data = load(NUMBERS.assign(t=np.arange(N) % 3 + first), y="t")
    assert data.labels
    assert np.unique(data.y).tolist() == [0, 1, 2]
    assert said(data, "run from 1 to 3; they became 0 to 2") is (first == 1)


@pytest.mark.parametrize(
    "target",
    [np.arange(N) % 3 * 2, np.arange(N) % 3 + 2, np.arange(N) % 2 * 2 - 1, np.arange(N) ** 2],
    ids=["gaps", "from 2", "-1 and 1", "many"],
)
def test_other_whole_numbers_are_amounts_and_that_is_noted(target):
    data = load(NUMBERS.assign(t=target), y="t")
    assert not data.labels
    assert said(data, "so it is an amount (regression)")


def test_more_than_100_whole_numbers_are_amounts():
    frame = pd.DataFrame({"a": RNG.normal(size=303), "t": np.arange(303) % 101})
    assert not load(frame, y="t").labels
    assert load(frame.assign(t=frame["t"].clip(upper=99)), y="t").labels


def test_whole_numbers_written_as_floats_stay_amounts(tmp_path):
    (tmp_path / "d.csv").write_text("a,t\n" + "".join(f"{k / 7},{k % 2}.0\n" for k in range(20)))
    assert not load(tmp_path / "d.csv", y="t").labels


def test_labels_with_gaps_stay_labels_when_the_rows_are_dropped(tmp_path):
    rows = "".join(f"{k / 7},{k % 2}\n" for k in range(20))
    (tmp_path / "d.csv").write_text(f"a,t\n0.3,\n{rows}")
    data = load(tmp_path / "d.csv", y="t", missing="drop")
    assert data.labels
    assert data.n + data.n_held == 20
    assert said(
        data, "1 of 21 rows were left out: a value is missing (column 't' in 1 of 21 rows (first row 0))"
    )


def test_gaps_are_filled_with_the_training_median_and_a_category_of_their_own():
    frame = FRAME[["area", "city", "price"]].copy()
    frame.loc[[3, 17, 42], "area"] = np.nan
    frame.loc[5, "city"] = None
    data = load(frame, y="price", missing="median")
    assert data.x.shape[1] == 1 + 4
    everything = np.concatenate([data.x, data.x_held])
    assert everything[:, 4].sum() == 1
    values, counts = np.unique(everything[:, 0], return_counts=True)
    assert counts.max() >= 3
    np.testing.assert_allclose(values[counts.argmax()], np.median(data.x[:, 0]), atol=0.05)
    assert said(data, "3 missing numbers were replaced by the median")


def test_dropping_rows_equals_leaving_them_out_beforehand():
    frame = FRAME.copy()
    frame.loc[[3, 17], "area"] = np.nan
    frame.loc[5, "city"] = None
    rest = FRAME.drop(index=[3, 5, 17])
    assert load(frame, y="price", missing="drop").hash == load(rest, y="price").hash


def test_a_lone_stray_mark_is_refused_but_categories_of_text_and_numbers_are_not():
    marks = np.array(["1", "2", "3a", "3b"])[np.arange(N) % 4]
    assert load(NUMBERS.assign(m=marks), y="price").x.shape[1] == 6
    stray = np.array(["1", "2"])[np.arange(N) % 2].astype(object)
    stray[8] = "?"
    with pytest.raises(DataError, match=r"'\?' in row 8"):
        load(NUMBERS.assign(m=stray), y="price")
    assert load(NUMBERS.assign(m=pd.Categorical(stray)), y="price").x.shape[1] == 5


def test_columns_of_objects_that_are_all_numbers_are_numbers():
    frame = NUMBERS.assign(area=NUMBERS["area"].astype(object), rooms=NUMBERS["rooms"].astype(object))
    assert load(frame, y="price").hash == load(NUMBERS, y="price").hash
    assert load(frame, y="rooms").labels


def test_decimals_and_enums_of_polars_are_read():
    frame = pl.from_pandas(NUMBERS).with_columns(
        pl.col("area").cast(pl.Decimal(10, 3)),
        pl.Series("city", FRAME["city"].tolist(), dtype=pl.Enum(["Bern", "Oslo", "Rome"])),
    )
    assert load(frame, y="price").x.shape[1] == 5


def test_polars_nan_and_null_both_count_as_missing():
    area = NUMBERS["area"].tolist()
    area[3], area[4] = None, float("nan")
    with pytest.raises(DataError, match=r"column 'area' in 2 of 100 rows \(first row 3\)"):
        load(pl.from_pandas(NUMBERS).with_columns(pl.Series("area", area)), y="price")


def test_a_column_that_counts_the_rows_is_warned_about(tmp_path):
    FRAME.to_csv(tmp_path / "d.csv")
    with pytest.warns(HunchWarning, match="Column 'Unnamed: 0' only counts the rows"):
        load(tmp_path / "d.csv", y="price")
    load(FRAME.assign(id=RNG.permutation(N)), y="price")  # in no order: no warning


def test_the_target_may_be_named_by_its_text_where_names_are_numbers():
    frame = pd.DataFrame(RNG.normal(size=(30, 3)))
    assert load(frame, y="2").hash == load(frame, y=2).hash


def test_many_columns_are_not_all_listed():
    frame = pd.DataFrame(RNG.normal(size=(5, 50)), columns=[f"c{k}" for k in range(50)])
    with pytest.raises(DataError, match=r"c14, … \(50 in all\), c49\."):
        load(frame)


def test_a_frame_in_a_pair_is_used_as_given():
    data = load((NUMBERS[["area", "rooms"]], FRAME["price"]))
    assert data.x[:, 0].mean() > 50
    assert said(data, "used as given")
