"""`hunch list`, `show`, `report`, `recover`, `info`, `--version`, `--help`."""

import json
from pathlib import Path

import numpy as np
import pytest

import hunch
from hunch.catalogue import hunches
from hunch.traces import RecoverReport


def test_list_tells_all_of_every_hunch(run):
    done = run("list", "--long")
    said = " ".join(done.out.split())
    assert (done.code, done.err) == (0, "")
    for entry in hunches():
        for text in (
            entry.name,
            entry.statement,
            entry.source,
            entry.holds,
            entry.fails,
            entry.finer.text if entry.finer else entry.tested_in[0].claims[0].text,
        ):
            assert text in said
    assert max(map(len, done.out.splitlines())) <= 80


def test_list_as_json_holds_the_entries(run):
    told = json.loads(run("list", "--json").out)
    assert told == {"hunches": [entry.to_json() for entry in hunches()]}


def test_show_prints_the_whole_text(run, opened):
    done = run("show", "s.hunch")
    assert opened.paths == ["s.hunch"]
    assert done.out == "UNDECIDED  before faster than none\n\nall about it\n"


def test_show_as_json_holds_the_study(run, opened):
    assert json.loads(run("show", "s.hunch", "--json").out) == {
        "study": {"verdicts": ["undecided"], "effect": None}
    }


def test_report_writes_the_page_where_it_is_told_and_says_where(run, opened, tmp_path):
    done = run("report", "s.hunch", "-o", "page.html")
    assert opened.wrote == ["page.html"]
    assert done.out.split() == ["report", str(tmp_path / "page.html")]
    assert json.loads(run("report", "s.hunch", "-o", "p.html", "--json").out) == {
        "report": "p.html",
        "store": "s.hunch",
    }


def test_report_is_called_like_the_study_when_nothing_is_told(run, opened, tmp_path):
    run("report", "somewhere/else/s.hunch")
    assert opened.wrote == ["s.html"]


@pytest.mark.parametrize("is_there", [True, False], ids=["a browser", "no browser"])
def test_report_opens_the_page_where_there_is_a_browser(run, opened, tmp_path, monkeypatch, is_there):
    asked = []
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or is_there)
    done = run("report", "s.hunch", "-o", "a page.html", "--open")
    assert done.code == 0
    assert asked == [(tmp_path / "a page.html").as_uri()]
    assert ("open the file yourself" in done.err) is not is_there
    told = json.loads(run("report", "s.hunch", "-o", "p.html", "--open", "--json").out)
    assert told == {"report": "p.html", "store": "s.hunch", "opened": is_there}
    run("report", "s.hunch", "-o", "p.html")
    assert len(asked) == 2


@pytest.fixture
def stored(tmp_path):
    """A stored study of two arms, and a curve."""
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    given = {"budget": 4, "seeds": 2, "progress": False, "engine": "loop"}
    arms = [hunch.Arm("a", lr=0.1), hunch.Arm("b", lr=0.01)]
    for name in ("one", "two"):
        hunch.compare(
            hunch.mlp([4, 3, 2]), (x, (x[:, 0] > 0).astype(int)), arms=arms, target=0.6,
            claims=["a faster than b"], store=tmp_path / f"{name}.hunch", **given,
        )  # fmt: skip
    hunch.tune(
        hunch.mlp([4, 3, 2]), (x, (x[:, 0] > 0).astype(int)), knob="l2", doses=[0, 0.1], fresh=0,
        arm=hunch.Arm("a", lr=0.1), store=tmp_path / "curve.hunch", **given,
    )  # fmt: skip
    return tmp_path


def test_report_of_several_studies_is_one_page_and_pictures_are_one_at_a_time(run, stored):
    done = run("report", "one.hunch", "two.hunch", "--report", "all.html", "--json")
    assert json.loads(done.out) == {"report": "all.html", "store": ["one.hunch", "two.hunch"]}
    assert "2 studies, 2 verdicts" in (stored / "all.html").read_text("utf-8")
    assert run("report", "one.hunch", "two.hunch").code == 0
    assert (stored / "overview.html").exists()
    assert run("report", "one.hunch", "--chart", "cost").code == 0
    assert (stored / "one.png").read_bytes().startswith(b"\x89PNG")
    assert run("report", "one.hunch", "-o", "c.svg", "--chart", "arrival").code == 0
    assert (stored / "c.svg").read_bytes().startswith(b"<svg")
    assert "no chart 'costs'" in run("report", "one.hunch", "--chart", "costs").err
    assert "[cli-report-chart]" in run("report", "curve.hunch", "--chart", "cost").err
    assert "[cli-report-chart]" in run("report", "one.hunch", "two.hunch", "--chart", "cost").err
    assert "[overview-other-study]" in run("report", "one.hunch", "curve.hunch").err


def test_report_never_writes_over_the_study(run, opened, tmp_path):
    Path(tmp_path / "s.hunch").write_bytes(b"study")
    done = run("report", "s.hunch", "-o", "s.hunch")
    assert done.code == 2
    assert "Write s.html" in done.err
    assert Path("s.hunch").read_bytes() == b"study"


def test_recover_says_what_was_saved(run, monkeypatch):
    saved = RecoverReport(path=Path("d.hunch"), out=Path("s.hunch"), saved=12, lost=3, is_frozen=True)
    asked = []
    monkeypatch.setattr("hunch.traces.recover", lambda path, out: asked.append((path, out)) or saved)
    done = run("recover", "d.hunch", "-o", "s.hunch")
    assert asked == [("d.hunch", "s.hunch")]
    assert " ".join(done.out.split()) == str(saved)
    assert json.loads(run("recover", "d.hunch", "-o", "s.hunch", "--json").out) == {
        "store": "s.hunch", "saved": 12, "lost": 3, "is_frozen": True,
    }  # fmt: skip


def test_version_and_help(run):
    assert run("--version").out == f"hunch {hunch.__version__}\n"
    bare, asked = run(), run("--help")
    assert bare == asked
    assert asked.code == 0
    for command in (
        "list",
        "test",
        "compare",
        "tune",
        "show",
        "report",
        "export",
        "explore",
        "recover",
        "info",
    ):
        assert command in asked.out
        helped = run(command, "--help")
        assert helped.code == 0
        assert "--json" in helped.out


def test_info_says_what_is_there(run):
    told = json.loads(run("info", "--json").out)
    assert told["hunch"] == hunch.__version__
    assert set(told["packages"]) == {"torch", "numpy", "scipy", "pandas", "altair"}
    assert told["engine"]["name"] == ("native" if told["native"]["level"] else "loop")
    assert (told["native"]["level"] or "torch") in told["engine"]["detail"]
    assert told["cores"] >= 1
    assert (told["native"]["level"] is None) == bool(told["native"]["absent"])
    shown = run("info").out
    assert told["python"] in shown
    assert (told["native"]["level"] or "no: ") in shown


@pytest.mark.parametrize("command", ["show", "report"])
def test_no_colour_codes_where_output_is_piped(run, opened, command):
    assert "\x1b" not in run(command, "s.hunch").out
