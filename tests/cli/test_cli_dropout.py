"""`hunch dropout`: one layer, a network, pictures, and what is refused."""

import json
from pathlib import Path

import pytest

import hunch

NET = """
from torch import nn
from hunch.network import GaussianDropout

def build():
    return nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 10)
    )

def bare():
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 12), nn.ReLU(), nn.Linear(12, 10))

def mixed():
    print("made")
    return nn.Sequential(
        nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU(), GaussianDropout(0.8), nn.Linear(32, 10)
    )
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")


# ---- one layer -----------------------------------------------------------------------------------------------


def test_one_layer_is_told_as_its_law(run):
    done = run("dropout", "12", "--keep", "0.9167")
    assert (done.code, done.err) == (0, "")
    said = " ".join(done.out.split())
    assert said.startswith("12 units, keep 0.9167 (PyTorch nn.Dropout(p=0.0833)), bernoulli dropout")
    for text in (
        "11 38.4 % ████", "12 35.2 % ████", "6 or fewer 0.0198 %",
        "mean 11.0004 of 12 units", "spread 0.957 units", "relative noise 8.7 %", "nothing dropped chance 35.2 %",
        "all dropped chance below 1e-10 %", 'dropout="exact" keeps 11, or 12 in 0.04 % of the examples', "N(1, 0.301²)",
    ):  # fmt: skip
        assert text in said
    assert max(map(len, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out


def test_a_fraction_is_a_number_and_a_kind_can_be_chosen(run):
    assert "keep 0.9166666667" in run("dropout", "12", "--keep", "11/12").out
    told = run("dropout", "12", "--keep", "7/8", "--dropout", "exact").out
    assert "exact dropout" in told
    assert "10    50 %" in told
    assert "no number of kept units" in " ".join(
        run("dropout", "12", "--keep", "0.8", "--dropout", "gaussian").out.split()
    )


def test_json_holds_the_law(run):
    told = json.loads(run("dropout", "12", "--keep", "0.8", "--json").out)
    assert told == {"law": json.loads(json.dumps(hunch.dropout_law(12, 0.8).to_json())), "picture": None}
    told = json.loads(run("dropout", "12", "--keep", "0.8", "--dropout", "gaussian", "--json").out)
    assert told["law"]["none_dropped"] is None


def test_a_narrow_layer_is_warned_about_and_a_wide_one_is_not(run):
    told = " ".join(run("dropout", "12", "--keep", "0.5").out.split())
    assert "Too narrow: noise 28.9 %; wide enough: keep 0.75 or more, or 36 units or more" in told
    assert 'dropout="gaussian" of equal variance: N(1, 1²)' in told
    assert "Too narrow" not in run("dropout", "12", "--keep", "0.75").out


# ---- a network -----------------------------------------------------------------------------------------------


def rows(out):
    """The rows of the table, cell by cell."""
    return [line.split() for line in out.splitlines() if line.startswith("  ") and "±" in line]


def test_a_network_is_told_layer_by_layer(run, file):
    done = run("dropout", "--net", "net.py:build")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("net.py:build: 64 → 32 → 12 → 10, relu; bernoulli dropout\n")
    told = rows(done.out)
    assert told[0] == [
        "0",
        "32",
        "0.8",
        "25.6",
        "±",
        "2.26",
        "0.0792",
        "%",
        "<",
        "1e-10",
        "%",
        "8.84",
        "%",
        "▁▁▃█▆▁",
    ]
    assert told[1] == [
        "3",
        "12",
        "0.5",
        "6",
        "±",
        "1.73",
        "0.0244",
        "%",
        "0.0244",
        "%",
        "28.9",
        "%",
        "▁▁▁▂▅▇█▇▅▂▁▁",
    ]
    said = " ".join(done.out.split())
    assert "Layer 3 is too narrow: noise 28.9 %" in said
    assert "Layer 0 is too narrow" not in said
    assert said.count("Too narrow is a relative noise above 1/6") == 1
    assert max(map(len, done.out.splitlines())) <= 80


def test_keep_says_what_the_network_shall_have(run, file):
    everywhere = run("dropout", "--net", "net.py:bare", "--keep", "0.8")
    assert [row[:3] for row in rows(everywhere.out)] == [["0", "32", "0.8"], ["2", "12", "0.8"]]
    somewhere = run("dropout", "--net", "net.py:bare", "--keep", "2:11/12", "--dropout", "exact")
    assert [row[:5] for row in rows(somewhere.out)] == [["2", "12", "0.916667", "11", "±"]]
    assert "exact dropout" in somewhere.out
    changed = run("dropout", "--net", "net.py:build", "--keep", "0:1.0;3:0.9")
    assert [row[:3] for row in rows(changed.out)] == [["3", "12", "0.9"]]


def test_kinds_that_differ_have_a_column_and_inputs_are_a_site(run, file):
    done = run("dropout", "--net", "net.py:mixed")
    told = rows(done.out)
    assert [row[:4] for row in told] == [
        ["input", "64", "0.9", "bernoulli"],
        ["0", "32", "0.8", "gaussian"],
    ] or [row[:4] for row in told] == [["input", "64", "0.9", "bernoulli"], ["1", "32", "0.8", "gaussian"]]
    assert told[1][7:9] == ["–", "–"]


def test_the_network_as_json_even_if_it_prints(run, file):
    done = run("dropout", "--net", "net.py:mixed", "--json")
    told = json.loads(done.out)
    assert [(layer["site"], layer["units"], layer["dropout"]) for layer in told["layers"]] == [
        ("input", 64, "bernoulli"),
        ("1", 32, "gaussian"),
    ]
    assert "made" in done.err


# ---- pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<svg"), ("a.html", b"<!doctype html>")]
)
def test_a_picture_goes_where_it_is_told(run, file, name, begins):
    done = run("dropout", "12", "--keep", "0.8", "--output", name)
    assert done.code == 0
    assert done.out.split()[-2:] == ["picture", str(Path(name).resolve())]
    alone = Path(name).read_bytes()
    assert alone.startswith(begins)
    assert json.loads(run("dropout", "--net", "net.py:build", "-o", name, "--json").out)["picture"] == name
    assert Path(name).read_bytes().startswith(begins)
    assert Path(name).read_bytes() != alone


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.gif", "Write a.png."), ("gone/a.png", "there is no folder gone"), (".", "it is a folder")],
)
def test_a_place_for_no_picture_is_refused_before_anything_is_told(run, name, said):
    done = run("dropout", "12", "--keep", "0.8", "--output", name)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert "[cli-output]" in done.err


# ---- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "slug", "said"),
    [
        ((), "cli-dropout", "needs a layer"),
        (("12",), "cli-dropout", "hunch dropout 12 --keep 0.9, which is PyTorch's nn.Dropout(p=0.1)"),
        (("12", "--keep", "0:0.8"), "cli-dropout", "got --keep 0:0.8"),
        (("12", "--keep", "much"), "cli-dropout", "got 'much'"),
        (("12", "--keep", "1/0"), "cli-dropout", "got '1/0'"),
        (("12", "--keep", "0:0.8;0:0.5"), "cli-dropout", "one a site as in 0:0.8;2:0.5"),
        (("12", "--keep", ":0.5"), "cli-dropout", "one a site as in 0:0.8;2:0.5"),
        (
            ("12", "--keep", "20"),
            "plan-keep-prob",
            "To drop 20 % of the units (PyTorch p=0.2) write keep_prob=0.8",
        ),
        (("12", "--keep", "0"), "plan-keep-prob", "PyTorch's nn.Dropout(p) has p = 1 - keep_prob"),
        (("0", "--keep", "0.5"), "plan-units", "got 0"),
        (("12", "--keep", "0.5", "--dropout", "soft"), "plan-dropout", "bernoulli, gaussian, exact"),
        (("twelve",), "cli-usage", "UNITS"),
        (("12", "--net", "net.py:build"), "cli-dropout", "got 12 too"),
        (("--net", "net.py:bare"), "cli-dropout", '--keep "0:0.8;2:0.5" for some'),
        (("--net", "net.py:build", "--keep", "1"), "cli-dropout", "no dropout at this keep"),
        (("--net", "net.py:bare", "--keep", "9:0.8"), "network-unknown-site", "there is no site '9'"),
        (("--net", "gone.py:build"), "network-file-missing", "there is no file gone.py"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(run, file, args, slug, said):
    done = run("dropout", *args)
    assert (done.code, done.out) == (2, "")
    assert f"[{slug}]" in done.err
    assert said in " ".join(done.err.split())
    error = json.loads(run("dropout", *args, "--json").out)["error"]
    assert error["slug"] == slug
