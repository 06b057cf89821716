"""`hunch export`."""

import json
from pathlib import Path

import pandas as pd
import pytest

import hunch


@pytest.fixture
def study(run, tmp_path):
    """A study file in the folder where commands run."""
    hunch.compare(
        hunch.mlp([64, 4, 10]), "digits", arms=[hunch.Arm("none"), hunch.Arm("l2", l2=0.1)],
        claims=["l2 lower cost than none"], base=hunch.Arm("base", lr=0.3), budget=6, seeds=6, store="s.hunch",
        progress=False,
    )  # fmt: skip
    return hunch.open("s.hunch")


def test_the_runs_are_what_comes_when_no_table_is_named(run, study, tmp_path):
    done = run("export", "s.hunch", "--to", "csv")
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["exported", str(tmp_path / "s.csv")]
    frame = pd.read_csv("s.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(frame, study.frame(), check_dtype=False, check_exact=True)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("--to", "parquet", "--what", "curves"), "s-curves.parquet"),
        (("--to", "json", "--what", "verdicts"), "s-verdicts.json"),
        (("--to", "csv", "--out", "t.txt"), "t.txt"),
        (("--to", "csv", "-o", "t.csv", "--stage", "all"), "t.csv"),
    ],
)
def test_what_where_and_which_can_be_said(run, study, words, place):
    told = json.loads(run("export", "s.hunch", *words, "--json").out)
    assert told == {"export": place, "to": words[1], "store": "s.hunch"}
    assert Path(place).stat().st_size


def test_json_without_a_table_is_all_of_the_study(run, study):
    assert run("export", "s.hunch", "--to", "json").code == 0
    assert json.loads(Path("s.json").read_text(encoding="utf-8")) == study.to_json()


def test_tensorboard_gets_a_folder(run, study):
    pytest.importorskip("tensorboard")
    assert run("export", "s.hunch", "--to", "tensorboard").code == 0
    assert len(list(Path("s-tensorboard").glob("*/seed-*/events.out.tfevents.*"))) == 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "xlsx"), "results-export-kind"),
        (("--to", "csv", "--what", "run"), "results-export-what"),
        (("--to", "csv", "--out", "s.hunch"), "results-export-place"),
        ((), "cli-usage"),
    ],
)
def test_what_does_not_fit_is_told_with_code_2(run, study, words, said):
    before = Path("s.hunch").read_bytes()
    done = run("export", "s.hunch", *words)
    assert done.code == 2
    assert said in done.err
    assert Path("s.hunch").read_bytes() == before
