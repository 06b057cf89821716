"""The command with everything behind it: it trains, stores, reads back, resumes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from hunch.catalogue import hunches
from hunch.cli import main

QUICK = ("--seeds", "6", "--budget", "30", "--target", "2.2", "--base", "lr=1.0")


def finish(*args):
    with pytest.raises(SystemExit) as stopped:
        main(list(args))
    return stopped.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a stored study, made by the command."""
    place = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert finish("test", "bn-fewer-iterations", *QUICK, "--store", "s.hunch", "-q") == 0
    return place


@pytest.fixture
def here(folder, monkeypatch):
    """That folder, as the current one."""
    monkeypatch.chdir(folder)
    return folder


def test_testing_a_hunch_leaves_a_page_and_a_study(here):
    assert sorted(p.name for p in here.iterdir()) == ["bn-fewer-iterations.html", "s.hunch"]
    assert "<html" in (here / "bn-fewer-iterations.html").read_text(encoding="utf-8")


def test_the_same_command_on_the_same_store_trains_nothing_again(here, capsys):
    assert finish("show", "s.hunch", "--json") == 0
    before = json.loads(capsys.readouterr().out)["study"]
    assert finish("test", "bn-fewer-iterations", *QUICK, "--store", "s.hunch", "--no-report", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["study"] == before, "also the seconds that each run took"
    assert before["complete"]
    assert len(before["runs"]) == 12
    assert before["verdicts"][0]["claim"]["text"] == "before faster than none"


def test_another_question_on_the_same_store_is_refused(here, capsys):
    assert finish("test", "bn-fewer-iterations", *QUICK, "--seed", "1", "--store", "s.hunch", "-q") == 2
    assert "PlanError: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("show", "s.hunch"), "before"),
        (("show", "s.hunch", "--json"), '"verdicts"'),
        (("report", "s.hunch", "-o", "again.html"), "again.html"),
        (("explore", "s.hunch", "--claim", "before lower error than none"), "exploratory: "),
        (("explore", "s.hunch", "--claim", "before same cost as none", "--json"), '"exploratory": true'),
        (("recover", "s.hunch", "-o", "saved.hunch"), "Saved 12 runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_reading_a_study_never_loads_torch(here, tmp_path, args, words):
    code = (
        "import sys\n"
        "from hunch.cli import main\n"
        f"try: main({[*args[:2], *(str(tmp_path / a) if '.' in a else a for a in args[2:])]!r})\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "assert 'numpy' in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_a_file_that_is_no_study_is_refused(here, tmp_path, capsys):
    (tmp_path / "no.hunch").write_text("not a study", encoding="utf-8")
    for command in ("show", "report"):
        assert finish(command, str(tmp_path / "no.hunch"), "--json") == 2
        assert json.loads(capsys.readouterr().out)["error"]["kind"] == "StoreError"


def test_an_own_network_and_table_are_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    rows = [f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a + b > c else 'no'}" for a, b, c in x]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,c,answer", *rows]), encoding="utf-8")
    (tmp_path / "net.py").write_text(
        "from torch import nn\nprint('loaded')\n"
        "def build():\n    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))\n",
        encoding="utf-8",
    )
    code = finish(
        "compare", "net.py:build", "--data", "d.csv", "--y", "answer", "--arm", "none",
        "--arm", "drop:keep_prob=0:0.8", "--claim", "drop lower cost than none by 0.01", "--base", "lr=0.3",
        "--budget", "20", "--seeds", "6", "--json", "--report", "page.html",
    )  # fmt: skip
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert code == 0
    assert "loaded" in told.err
    assert answer["study"]["plan"]["arms"][1]["keep_prob"] == {"0": 0.8}
    assert (tmp_path / "page.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("hunch", hunches(), ids=lambda hunch: hunch.name)
def test_every_hunch_is_tested_from_end_to_end(hunch, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert finish("test", hunch.name, "--seeds", "6", "--budget", "60", "-q", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    claims = [claim for regime in hunch.tested_in for claim in regime.claims] + list(hunch.across)
    assert len(told["study"]["verdicts"]) == (len(claims) or len(hunch.regimes))


@pytest.mark.slow
def test_ctrl_c_keeps_finished_runs_and_the_same_command_goes_on(tmp_path):
    command = [
        sys.executable, "-m", "hunch.cli", "test", "bn-fewer-iterations", "--seeds", "40", "--budget", "200",
        "--target", "1.0", "--base", "lr=1.0", "--store", "s.hunch", "--no-report",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        while "confirm" not in first.stderr.readline():
            pass
        time.sleep(1.5)
        os.kill(first.pid, signal.SIGINT)
        _, said = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "Finished runs are kept in s.hunch" in " ".join(said.split())
    assert "Traceback" not in said
    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["study"]["complete"]
    left = next(line for line in done.stderr.splitlines() if line.startswith("confirm"))
    assert 0 < int("".join(filter(str.isdigit, left))) < 80


def test_exploring_passes_on_what_was_typed_and_leaves_the_file_alone(here, capsys):
    before = (here / "s.hunch").read_bytes()
    asked = (
        "explore",
        "s.hunch",
        "--claim",
        "before faster than none by 1.3",
        "--claim",
        "before lower cost than none",
    )
    assert finish(*asked, "--target", "2.25", "--alpha", "0.2", "--json") == 0
    answers = json.loads(capsys.readouterr().out)["exploration"]["answers"]
    assert [(a["claim"]["text"], a["target"], a["alpha"]) for a in answers] == [
        ("before faster than none", 2.25, 0.2), ("before lower cost than none", None, 0.2),
    ]  # fmt: skip
    assert answers[0]["claim"]["margin"] == 1.3
    assert (here / "s.hunch").read_bytes() == before


def test_exploring_an_arm_that_is_not_there_exits_with_2(here, capsys):
    assert finish("explore", "s.hunch", "--claim", "before faster than nobody") == 2
    assert "[plan-unknown-arm]" in capsys.readouterr().err
