"""`hunch list` and `hunch test --all`, with a verb that trains nothing."""

import json
import sys
from types import SimpleNamespace

import pytest

from hunch.catalogue import families, find, hunches
from hunch.errors import PlanError


class FakeAnswers:
    """Looks like the answers from the outside."""

    def __init__(self, *words):
        self.tested = [
            SimpleNamespace(answer=SimpleNamespace(summary=SimpleNamespace(word=w))) for w in words
        ]
        self.wrote = []

    def report(self, path):
        self.wrote.append(path)

    def to_json(self):
        return {"hunches": [{"word": one.answer.summary.word} for one in self.tested]}

    def __str__(self):
        return "\n".join(one.answer.summary.word for one in self.tested)


@pytest.fixture
def all_of_them(trainer, monkeypatch):
    """`hunch.study.test_all`, replaced; its calls are in `.calls`."""
    made = SimpleNamespace(calls=[], answers=FakeAnswers("holds", "undecided"), raises=None)

    def test_all(build=None, data=None, **options):
        made.calls.append((build, data, options))
        if made.raises is not None:
            raise made.raises
        return made.answers

    monkeypatch.setattr(sys.modules["hunch.study"], "test_all", test_all, raising=False)
    return made


def test_list_shows_a_line_or_few_a_hunch_by_family(run):
    done = run("list")
    said = " ".join(done.out.split())
    for entry in hunches():
        assert f"{entry.name}: {entry.statement}" in said
        assert entry.source not in said
    places = [said.index(f"About {family}:") for family in families() if family != "together"]
    assert places == sorted(places)
    assert said.index("Together:") > places[-1]
    assert max(map(len, done.out.splitlines())) <= 80
    assert "hunch test --all --quick" in said


def test_list_of_one_name_shows_all_about_it_and_its_quick_plan(run):
    said = " ".join(run("list", "l2-regularises-without-batch-norm").out.split())
    entry = find("l2-regularises-without-batch-norm")
    for text in (entry.statement, entry.source, entry.holds, entry.fails):
        assert text in said
    assert "quick 10 seeds; only relu" in said
    assert find("dropout-needs-width").statement not in said
    told = json.loads(run("list", "dropout-needs-width", "--json").out)
    assert told == {"hunches": [find("dropout-needs-width").to_json()]}


def test_list_of_a_name_that_there_is_not_is_refused_with_the_nearest(run):
    done = run("list", "dropout-need-width")
    assert done.code == 2
    assert 'Did you mean "dropout-needs-width"?' in " ".join(done.err.split())


def test_the_quick_plan_says_what_it_does_otherwise(run):
    quick = find("dropout-shifts-batch-norms-variance").quickly()
    said = " ".join(run("list", "dropout-shifts-batch-norms-variance").out.split())
    assert f"quick {quick.seeds} seeds; {quick.budget:,} iterations" in said


def test_all_are_tested_by_one_call_and_kept_in_a_folder_that_is_said(run, all_of_them):
    done = run("test", "--all", "--quick")
    [(build, data, options)] = all_of_them.calls
    assert (build, data, options["quick"], options["store"]) == (None, None, True, "hunches-quick")
    assert done.code == 0
    assert "holds\nundecided\n" in done.out
    assert "stored in hunches-quick\n" in done.out
    assert f"{len(hunches())} of them" in done.err
    assert all_of_them.answers.wrote == []
    run("test", "--all")
    assert all_of_them.calls[-1][2]["store"] == "hunches"


def test_options_of_all(run, all_of_them, net, tmp_path):
    (tmp_path / "d.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    done = run(
        "test", "--all", "--net", "net.py:build", "--data", "d.csv", "--y", "b", "--seeds", "9", "--store", "kept",
        "--report", "all.html", "--quiet",
    )  # fmt: skip
    [(build, data, options)] = all_of_them.calls
    assert build() == "a network"
    assert (data, options["y"], options["seeds"], options["store"]) == ("d.csv", "b", 9, "kept")
    assert (options["quick"], options["progress"], done.err) == (False, False, "")
    assert all_of_them.answers.wrote == ["all.html"]


def test_strict_exits_with_1_unless_all_hold_and_json_is_one_object(run, all_of_them):
    assert run("test", "--all", "--strict").code == 1
    all_of_them.answers = FakeAnswers("holds", "holds")
    assert run("test", "--all", "--strict").code == 0
    told = json.loads(run("test", "--all", "--json").out)
    assert told == {"hunches": [{"word": "holds"}] * 2, "report": None}


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(run, all_of_them):
    all_of_them.raises = KeyboardInterrupt()
    done = run("test", "--all", "--quick")
    assert done.code == 130
    assert "kept in hunches-quick; the same command goes on" in " ".join(done.err.split())


def test_what_cannot_be_tested_at_all_is_bad_input(run, all_of_them):
    all_of_them.raises = PlanError("It does not fit.", "plan-arms")
    assert run("test", "--all").code == 2


def test_a_name_and_all_is_refused_and_so_is_neither(run, all_of_them):
    both = run("test", "dropout-needs-width", "--all")
    assert both.code == 2
    assert "--all tests every hunch, and dropout-needs-width is one. Leave either out." in " ".join(
        both.err.split()
    )
    neither = run("test")
    assert neither.code == 2
    assert "--all tests every one" in " ".join(neither.err.split())
    assert all_of_them.calls == []
