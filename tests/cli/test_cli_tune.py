"""`hunch tune`, with a verb that trains nothing, and once for real; a stored curve read back."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hunch.cli import main
from hunch.errors import PlanError
from hunch.plan import Arm

DOCS = Path(__file__).parents[2] / "docs"
DEFAULTS = {
    "outcome": "cost", "missing": "error", "seeds": 20, "fresh": 10, "seed": 0, "cost": "auto", "tuning": "auto",
    "alpha": 0.05, "engine": "auto", "store": None, "progress": True,
}  # fmt: skip
QUICK = (
    "tune", "--knob", "keep_prob", "--doses", "0.5,0.75,1", "--arm", "lr=0.3", "--seeds", "5", "--fresh", "0",
    "--budget", "30",
)  # fmt: skip


class Made:
    """Looks like a dose-response curve from the outside."""

    def __init__(self):
        self.wrote = []

    def __str__(self):
        return "certified near-optimal: 0.8\nthe default is good enough"

    def to_json(self):
        return {"doses": [0.5, 0.8], "margin": float("nan")}

    def report(self, path):
        Path(path).write_text("<html>", encoding="utf-8")
        self.wrote.append(path)


@pytest.fixture
def tuner(monkeypatch):
    """`hunch.study.tune`, replaced; its calls are in `.calls`."""
    made = SimpleNamespace(calls=[], answer=Made(), raises=None, prints="")

    def tune(build, data, **options):
        made.calls.append((build, data, options))
        if made.prints:
            print(made.prints)
        if made.raises is not None:
            raise made.raises
        return made.answer

    room = ModuleType("hunch.study")
    room.tune = tune
    monkeypatch.setitem(sys.modules, "hunch.study", room)
    return made


def test_without_a_network_the_embedded_one_is_tuned_on_the_digits(run, tuner):
    done = run("tune", "--knob", "keep_prob")
    [(build, data, options)] = tuner.calls
    assert [layer.out_features for layer in build() if hasattr(layer, "out_features")] == [100, 100, 100, 10]
    assert data == "digits"
    assert options == {**DEFAULTS, "knob": "keep_prob"}
    assert done.code == 0
    assert done.out.splitlines() == ["certified near-optimal: 0.8", "the default is good enough"]


def test_everything_that_is_typed_reaches_the_verb(run, tuner, net):
    run(
        "tune", "net.py:build", "--data", "d.csv", "--y", "t", "--missing", "drop", "--knob", "keep_prob at 0",
        "--doses", "0.5, 11/12,1", "--default", "0.8", "--arm", "norm=batch,lr=0.1", "--outcome", "iterations",
        "--margin", "1.2", "--seeds", "12", "--fresh", "0", "--seed", "3", "--budget", "200", "--target", "0.5",
        "--cost", "huber", "--tuning", "shared", "--alpha", "0.1", "--engine", "loop", "--store", "s.hunch", "-q",
    )  # fmt: skip
    [(build, data, options)] = tuner.calls
    assert (build(), data) == ("a network", "d.csv")
    assert options == {
        "knob": "keep_prob at 0", "doses": [0.5, 11 / 12, 1.0], "default": 0.8, "y": "t", "missing": "drop",
        "arm": Arm("base", norm="batch", lr=0.1), "outcome": "iterations", "margin": 1.2, "seeds": 12, "fresh": 0,
        "seed": 3, "budget": 200, "target": 0.5, "cost": "huber", "tuning": "shared", "alpha": 0.1, "engine": "loop",
        "store": "s.hunch", "progress": False,
    }  # fmt: skip


def test_two_knobs_have_two_lists_of_doses_and_a_default_of_two_numbers(run, tuner):
    run(
        "tune", "--knob", "keep_prob", "--knob", "l2", "--doses", "0.5,1", "--doses", "0,0.01", "--default",
        "1,0",
    )  # fmt: skip
    options = tuner.calls[0][2]
    assert options["knob"] == ["keep_prob", "l2"]
    assert options["doses"] == [[0.5, 1.0], [0.0, 0.01]]
    assert options["default"] == (1.0, 0.0)


@pytest.mark.parametrize(
    ("typed", "arm"),
    [
        ("norm=batch", Arm("base", norm="batch")),
        ("bn:norm=batch", Arm("bn", norm="batch")),
        ("keep_prob=0:0.8;2:0.5", Arm("base", keep_prob={"0": 0.8, "2": 0.5})),
    ],
)
def test_an_arm_is_settings_with_or_without_a_name(run, tuner, typed, arm):
    run("tune", "--knob", "l2", "--arm", typed)
    assert tuner.calls[0][2]["arm"] == arm


def test_a_wrong_setting_names_the_option_it_was_typed_after(run, tuner):
    done = run("tune", "--knob", "l2", "--arm", "norms=batch")
    assert done.code == 2
    assert "--arm 'norms=batch': 'norms' is not a setting" in " ".join(done.err.split())
    assert tuner.calls == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--doses", "0.5,x"), "--doses must be numbers with commas between, as in 0.5,0.8,1, got '0.5,x'"),
        (("--doses", "1/0,1"), "got '1/0,1'"),
        (("--default", "most"), "--default must be numbers"),
        (("--doses", "0.5,1", "--doses", "0,1"), "stands once for each --knob, in their order, got 2 for 1"),
    ],
)
def test_doses_that_cannot_be_read_are_refused_before_training(run, tuner, typed, words):
    done = run("tune", "--knob", "keep_prob", *typed)
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert "[cli-doses]" in done.err
    assert tuner.calls == []


def test_a_knob_is_needed(run, tuner):
    done = run("tune")
    assert done.code == 2
    assert "Missing option '--knob'" in done.err


@pytest.mark.parametrize("name", ["page.html", "page.txt", "page.json", "page.png", "page.svg"])
def test_the_report_is_written_where_it_is_told_and_where_is_said(run, tuner, tmp_path, name):
    done = run("tune", "--knob", "l2", "-o", name, "--store", "s.hunch")
    assert tuner.answer.wrote == [name]
    report, stored = done.out.splitlines()[-2:]
    assert report.split() == ["report", str(tmp_path / name)]
    assert stored.split() == ["stored", "in", "s.hunch"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("nowhere/page.html", "there is no folder nowhere"),
        (".", "it is a folder"),
        ("page.pdf", "its name tells what it is, .html, .txt, .json, .png or .svg. Write page.html."),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_training(run, tuner, page, words):
    done = run("tune", "--knob", "l2", "-o", page)
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert tuner.calls == []


def test_json_is_all_there_is_on_stdout(run, tuner):
    tuner.prints = "chatter"
    done = run("tune", "--knob", "l2", "--json", "--store", "s.hunch")
    assert json.loads(done.out) == {
        "report": None, "store": "s.hunch", "study": {"doses": [0.5, 0.8], "margin": None},
    }  # fmt: skip
    assert "chatter" in done.err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--store", "s.hunch"), "Finished runs are kept in s.hunch; the same command goes on from there."),
        ((), "Nothing was stored; with --store FILE finished runs are kept, and the same command goes on."),
    ],
)
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(run, tuner, typed, words):
    tuner.raises = KeyboardInterrupt()
    done = run("tune", "--knob", "l2", *typed)
    assert done.code == 130
    assert words in " ".join(done.err.split())
    assert done.out == ""


def test_what_the_verb_refuses_is_told_without_a_traceback(run, tuner):
    tuner.raises = PlanError("knob 'p' is none of those.", "plan-knob")
    done = run("tune", "--knob", "p", "-q")
    assert (done.code, done.err) == (2, "PlanError: knob 'p' is none of those.  [plan-knob]\n")


def test_every_default_is_the_verbs_own():
    from hunch.cli import app
    from hunch.study import tune as verb

    ours = inspect.signature(app.tune).parameters
    theirs = inspect.signature(verb).parameters
    shared = set(ours) & set(theirs) - {"data", "knob"}
    assert shared >= {
        "doses",
        "arm",
        "outcome",
        "default",
        "margin",
        "seeds",
        "fresh",
        "tuning",
        "alpha",
        "engine",
    }
    assert {name: ours[name].default for name in shared} == {name: theirs[name].default for name in shared}
    assert set(theirs) - set(ours) == {"build", "device", "progress"}


def test_every_option_is_on_the_page_about_tuning():
    import typer

    from hunch.cli.app import app

    page = (DOCS / "tune.md").read_text(encoding="utf-8")
    command = typer.main.get_command(app).commands["tune"]
    options = [name for p in command.params for name in (*p.opts, *p.secondary_opts) if name.startswith("--")]
    assert len(options) > 20
    assert [name for name in options if f"`{name}`" not in page and f"`{name} " not in page] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a stored curve and its page, made by the command."""
    place = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with pytest.raises(SystemExit) as stopped:
            main([*QUICK, "--store", "c.hunch", "-o", "page.html", "-q"])
    assert stopped.value.code == 0
    return place


def test_the_command_trains_stores_and_resumes(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    capsys.readouterr()
    for _ in range(2):
        with pytest.raises(SystemExit) as stopped:
            main([*QUICK, "--store", "c.hunch", "--json", "-q"])
        assert stopped.value.code == 0
    told = json.loads(capsys.readouterr().out.split("\n}\n")[0] + "\n}")
    assert told["study"]["complete"]
    assert [dose["value"] for dose in told["study"]["doses"]] == [[0.5], [0.75], [1.0]]
    assert "<html" in (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("show", "c.hunch"), "held-out cost against keep_prob: 3 doses on 5 seeds"),
        (("show", "c.hunch", "--json"), '"knobs"'),
        (("report", "c.hunch", "-o", "again.html"), "again.html"),
    ],
    ids=" ".join,
)
def test_reading_a_curve_never_loads_torch(folder, args, words):
    code = (
        "import sys\n"
        "from hunch.cli import main\n"
        f"try: main({list(args)!r})\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "assert 'numpy' in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    if args[0] == "report":
        assert (folder / "again.html").read_bytes() == (folder / "page.html").read_bytes()


def test_claims_cannot_be_explored_in_a_curve(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        main(["explore", "c.hunch", "--claim", "a faster than b"])
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "holds a dose-response curve" in said
    assert "`hunch show c.hunch` prints the curve" in said
