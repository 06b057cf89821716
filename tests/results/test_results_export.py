"""What other programs get: tables as CSV, Parquet and JSON, and all of a study as JSON by its schema."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from made_study import all_traces

import hunch
from hunch.errors import PlanError, StoreError, UnsupportedError
from hunch.results import Runs
from hunch.results import open as open_study
from hunch.results.export import KINDS, read_kind
from hunch.results.export_tables import as_parquet, verdict_frame

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "study.schema.json").read_text(encoding="utf-8"))
TABLES = {"runs": "frame", "curves": "curves", "readings": "readings"}


def check(told):
    jsonschema.Draft202012Validator(SCHEMA).validate(told)


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", TABLES)
def test_csv_and_parquet_hold_the_frame_to_the_last_digit(mixed, tmp_path, what):
    frame = getattr(mixed, TABLES[what])()
    written = mixed.export(tmp_path / "t.csv", what=what)
    assert written == tmp_path / "t.csv"
    again = pd.read_csv(written, float_precision="round_trip", dtype={"site": str})
    pd.testing.assert_frame_equal(again, frame, check_dtype=False, check_exact=True)
    again = pd.read_parquet(mixed.export(tmp_path / "t.parquet", what=what))
    pd.testing.assert_frame_equal(again, frame, check_exact=True, check_dtype=False)


def test_the_ending_tells_the_format_and_runs_are_what_comes_when_nothing_is_said(mixed, tmp_path):
    plain = mixed.export(tmp_path / "t.csv").read_bytes()
    assert plain == mixed.export(tmp_path / "whatever", to="csv", what="runs").read_bytes()
    assert plain.startswith(b"arm,seed,lr,outcome,iterations,cost,held_out_cost,held_out_error,wall_s\n")


def test_rows_as_json_have_null_where_there_is_no_number(mixed, tmp_path):
    rows = json.loads(mixed.export(tmp_path / "t.json", what="runs").read_text(encoding="utf-8"))
    frame = mixed.frame()
    assert len(rows) == len(frame)
    assert list(rows[0]) == list(frame.columns)
    failed = next(row for row in rows if row["outcome"] == "failed")
    assert failed["iterations"] is None
    assert failed["cost"] is None


def test_the_verdicts_are_a_table_too(mixed, tmp_path):
    frame = pd.read_csv(mixed.export(tmp_path / "v.csv", what="verdicts"), float_precision="round_trip")
    assert list(frame["claim"]) == [v.claim.text for v in mixed.verdicts]
    assert list(frame["decision"]) == [v.decision for v in mixed.verdicts]
    assert list(frame["effect"]) == [v.effect for v in mixed.verdicts]
    assert list(frame["text"]) == str(mixed).splitlines()[:2]


def test_an_effect_that_is_only_a_bound_has_an_infinite_end_and_no_ratio_is_nan(plan, make_study):
    verdict = make_study().verdicts[1]
    frame = verdict_frame([verdict], ["so it is"])
    assert frame["ratio"].isna().all()
    assert frame["high"].dtype == "float64"
    assert verdict_frame([], []).empty


def test_another_stage_can_be_had(plan, make_study, tmp_path):
    frame = pd.read_csv(make_study().export(tmp_path / "t.csv", stage="all"))
    assert set(frame["stage"]) == {"pilot", "confirm"}
    assert len(frame) == len(all_traces(plan))


def test_a_study_without_runs_gives_tables_without_rows(plan, make_study, tmp_path):
    empty = make_study([], plan=plan.asked())
    for what in (*TABLES, "verdicts"):
        for kind in ("csv", "parquet", "json"):
            assert empty.export(tmp_path / f"{what}.{kind}", what=what).stat().st_size
    assert len(pd.read_parquet(tmp_path / "runs.parquet")) == 0
    assert json.loads((tmp_path / "curves.json").read_text(encoding="utf-8")) == []


def test_parquet_is_written_by_polars_where_there_is_no_pyarrow(mixed, monkeypatch, tmp_path):
    monkeypatch.setattr("hunch.results.export_tables.find_spec", lambda name: name == "polars" or None)
    again = pd.read_parquet(mixed.export(tmp_path / "t.parquet"))
    pd.testing.assert_frame_equal(again, mixed.frame(), check_dtype=False, check_exact=True)


def test_without_either_the_extra_is_named(mixed, monkeypatch):
    monkeypatch.setattr("hunch.results.export_tables.find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"pip install 'hunch-lab\[parquet\]'.*results-export-extra"):
        as_parquet(mixed.frame())


# --- all of it as JSON ---------------------------------------------------------------------------


def test_all_of_a_study_as_json_is_what_to_json_gives(mixed, tmp_path):
    written = mixed.export(tmp_path / "s.json")
    assert json.loads(written.read_text(encoding="utf-8")) == mixed.to_json()


def test_the_schema_is_one_and_made_studies_keep_to_it(mixed, make_study, plan):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for study in (mixed, make_study(), make_study([]), make_study([], plan=plan.asked())):
        check(study.to_json())


@pytest.fixture(scope="module")
def real():
    """A study that was trained, with claims of every kind."""
    return hunch.compare(
        hunch.mlp([64, 6, 10], "sigmoid"),
        "digits",
        arms=[hunch.Arm("none"), hunch.Arm("bn", norm="batch", keep_prob={"0": 0.8})],
        base=hunch.Arm("base", lr=0.5),
        claims=[
            "bn faster than none", "bn lower error than none", "bn higher slope at 0 than none", "bn same cost as none",
        ],
        budget=20,
        target=2.2,
        seeds=6,
        progress=False,
    )  # fmt: skip


def test_a_trained_study_keeps_to_the_schema(real):
    told = real.to_json()
    assert len(told["verdicts"]) == 4
    check(told)


def test_every_field_of_the_json_is_in_the_schema(real):
    told = real.to_json()
    assert set(told) == set(SCHEMA["required"])
    parts = SCHEMA["$defs"]
    assert set(told["verdicts"][0]) == set(parts["verdict"]["required"])
    assert set(told["facts"]) == set(parts["facts"]["required"])
    assert set(told["plan"]) == set(parts["plan"]["required"])
    assert set(told["runs"][0]) == set(parts["run"]["required"])


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("verdicts", 0, "decision"), "significant"),
        (("verdicts", 0, "effect"), "large"),
        (("runs", 0, "outcome"), "fine"),
        (("plan", "arms", 0, "keep_probability"), 0.5),
        (("facts", "n_train"), None),
        (("more",), 1),
    ],
)
def test_the_check_against_the_schema_can_fail(real, where, value):
    told = json.loads(json.dumps(real.to_json()))
    place = told
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(
        jsonschema.ValidationError, match=r"is not one of|is not of type|Additional properties"
    ):
        check(told)


# --- other results -------------------------------------------------------------------------------


def test_runs_of_one_arm_are_exported_by_their_own_stage(tmp_path):
    runs = hunch.train(hunch.mlp([64, 6, 10]), "digits", seeds=2, budget=10, lr=0.1, progress=False)
    assert isinstance(runs, Runs)
    frame = pd.read_csv(runs.export(tmp_path / "r.csv"), float_precision="round_trip")
    pd.testing.assert_frame_equal(frame, runs.frame(), check_dtype=False, check_exact=True)
    told = json.loads(runs.export(tmp_path / "r.json").read_text(encoding="utf-8"))
    assert told["plan_hash"] == runs.plan.hash
    assert [row["seed"] for row in told["runs"]] == list(runs.seeds)
    with pytest.raises(PlanError, match=r"what must be one of runs, curves, readings, got 'verdicts'"):
        runs.export(tmp_path / "r.csv", what="verdicts")


def test_a_curve_of_doses_and_its_relatives_are_exported(tmp_path):
    given = {"budget": 20, "seeds": 5, "arm": hunch.Arm("base", lr=0.3), "progress": False}
    build = hunch.mlp([64, 6, 10])
    found = hunch.tune(build, "digits", knob="l2", doses=[0, 0.1], fresh=0, **given)
    frame = pd.read_csv(found.export(tmp_path / "d.csv"), float_precision="round_trip")
    pd.testing.assert_frame_equal(frame, found.frame(), check_dtype=False, check_exact=True)
    assert list(pd.read_csv(found.export(tmp_path / "d.csv", what="doses"))["dose"]) == [0, 0.1]
    assert pd.read_csv(found.export(tmp_path / "d.csv", what="verdicts")).empty
    assert "dose" not in pd.read_csv(found.export(tmp_path / "d.csv", what="curves")).columns
    assert json.loads(found.export(tmp_path / "d.json").read_text(encoding="utf-8")) == found.to_json()

    two = hunch.tunability(
        {"a": build, "b": hunch.mlp([64, 4, 10])}, "digits", knobs=("l2", "keep_prob"),
        doses=[[0, 0.1], [0.5, 1]], **given,
    )  # fmt: skip
    frame = pd.read_csv(two.export(tmp_path / "t.csv"))
    assert list(dict.fromkeys(frame["network"])) == ["a", "b"]
    assert len(pd.read_csv(two.export(tmp_path / "t.csv", what="doses"))) == len(two.frame())
    with pytest.raises(PlanError, match="2 networks here"):
        two.export(tmp_path / "t", to="tensorboard")


# --- what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "to", "kind"),
    [
        ("a.csv", None, "csv"),
        ("a.JSON", None, "json"),
        ("a.b", "parquet", "parquet"),
        ("x", "mlflow", "mlflow"),
    ],
)
def test_the_format_is_what_is_named_or_what_the_path_ends_in(path, to, kind):
    assert read_kind(path, to) == kind
    assert kind in KINDS


def test_what_does_not_fit_is_refused_and_nothing_is_written(make_study, tmp_path, stored):
    study = make_study()
    place = tmp_path / "out"
    for words, message in (
        ({}, r"does not end in \.csv, \.parquet or \.json.*results-export-kind"),
        ({"to": "xlsx"}, r"one of csv, parquet, json, mlflow, tensorboard, got 'xlsx'"),
        ({"to": "csv", "what": "run"}, r"what must be one of runs, curves, readings, verdicts, got 'run'"),
        ({"to": "csv", "stage": "end"}, r"stage must be one of"),
        ({"to": "json", "stage": "all"}, r"JSON without what= is all of the study"),
        ({"to": "tensorboard", "what": "runs"}, r"does not go with tensorboard"),
    ):
        with pytest.raises(PlanError, match=message):
            study.export(place, **words)
    assert not place.exists()
    before = stored.read_bytes()
    opened = open_study(stored)
    for to in ("csv", "mlflow"):
        with pytest.raises(PlanError, match=r"would write over it.*results-export-place"):
            opened.export(stored, to=to)
    assert stored.read_bytes() == before
    with pytest.raises(StoreError, match="cannot write the export to"):
        study.export(tmp_path / "no" / "t.csv")


def test_exporting_from_a_file_loads_no_torch(stored, tmp_path):
    code = (
        "import sys, hunch\n"
        f"study = hunch.open({str(stored)!r})\n"
        f"for kind in ('csv', 'json'): study.export({str(tmp_path)!r} + '/t.' + kind)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
