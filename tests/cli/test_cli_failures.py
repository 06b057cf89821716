"""What went wrong: exit codes, words on stderr, JSON on stdout."""

import errno
import json
import re

import pytest

from hunch.cli import screen
from hunch.errors import PlanError, Problem


def raising(error):
    def go(*_, **__):
        raise error

    return go


@pytest.fixture
def failing(monkeypatch, run):
    """Run `hunch list`, with something going wrong inside."""

    def go(error, *args):
        monkeypatch.setattr("hunch.cli.cataloguing.show_catalogue", raising(error))
        return run("list", *args)

    return go


LONG = (
    'arm "dropout": keep_prob must be in (0, 1], got 20. To drop 20 % of the units (PyTorch p=0.2) '
    "write keep_prob=0.8."
)


def test_an_error_is_wrapped_with_its_kind_and_slug_and_no_traceback(failing):
    done = failing(PlanError(LONG, "plan-keep-prob"))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'PlanError: arm "dropout": keep_prob must be in (0, 1], got 20. To drop 20 % of\n'
        "  the units (PyTorch p=0.2) write keep_prob=0.8.  [plan-keep-prob]\n"
    )


def test_several_problems_make_a_list(failing):
    error = PlanError("first", "plan-a")
    error.problems = (Problem("first is wrong. " * 8, "plan-a"), Problem("second", "plan-b"))
    done = failing(error)
    lines = done.err.splitlines()
    assert lines[0] == "PlanError: 2 problems:"
    assert lines[1].startswith("  1. first is wrong.")
    assert lines[2].startswith("     ")
    assert lines[-1] == "  2. second  [plan-b]"


def test_json_tells_kind_slug_message_and_every_problem(failing):
    error = PlanError("first", "plan-a")
    error.problems = (Problem("first", "plan-a"), Problem("second", "plan-b"))
    done = failing(error, "--json")
    told = json.loads(done.out)["error"]
    assert (done.code, done.err) == (2, "")
    assert (told["kind"], told["slug"]) == ("PlanError", "plan-a")
    assert told["problems"] == [
        {"slug": "plan-a", "message": "first"},
        {"slug": "plan-b", "message": "second"},
    ]
    assert "2 problems" in told["message"]


def test_json_of_one_problem_holds_its_bare_message(failing):
    told = json.loads(failing(PlanError("what", "plan-a"), "--json").out)["error"]
    assert told["message"] == "what"


def test_a_mistake_in_the_command_line_is_told_with_where_help_is(run):
    done = run("test")
    assert done.code == 2
    said = " ".join(done.err.split())
    assert (
        "UsageError: Missing argument 'NAME': which hunch? `hunch list` shows them; --all tests every one."
        in said
    )
    assert "`hunch test --help` shows what it takes." in said
    assert "[cli-usage]" in done.err
    assert run("tset", "x").code == 2
    assert run("list", "--sedes", "3").code == 2
    assert run("test", "bn-fewer-iterations", "--seeds", "many").code == 2


def test_a_mistake_in_the_command_line_is_json_under_json(run):
    done = run("test", "--json")
    assert done.err == ""
    assert json.loads(done.out)["error"]["slug"] == "cli-usage"


def test_a_file_that_cannot_be_written_is_bad_input(failing):
    done = failing(PermissionError(errno.EACCES, "Permission denied", "page.html"))
    assert (done.code, done.err) == (2, "PermissionError: Permission denied: page.html.  [cli-file]\n")


def test_a_bug_of_ours_shows_its_traceback_and_has_a_code_of_its_own(failing):
    done = failing(KeyError("oops"))
    assert done.code == 70
    assert "Traceback" in done.err
    assert "This is a bug in Hunch" in done.err
    done = failing(KeyError("oops"), "--json")
    assert json.loads(done.out)["error"]["slug"] == "cli-bug"


def test_ctrl_c_while_reading_exits_with_130(failing):
    assert failing(KeyboardInterrupt()).code == 130


def test_not_a_number_and_infinity_become_null_in_json(capsys):
    screen.emit({"a": [float("nan"), float("inf"), 1.5], "b": (1, True, None, "x"), 3: {"c": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {
        "a": [None, None, 1.5], "b": [1, True, None, "x"], "3": {"c": None},
    }  # fmt: skip


def test_long_lines_are_folded_in_a_terminal_and_left_alone_in_a_pipe(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    line = "supported: before needs fewer iterations than none to reach the cost"
    screen.verdicts(screen.answer(), f"{line}\nshort\n")
    assert capsys.readouterr().out == f"{line}\nshort\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    screen.verdicts(screen.answer(), f"{line}\nshort\n")
    assert [part.rstrip() for part in _without_codes(capsys.readouterr().out).splitlines()] == [
        "supported: before needs fewer",
        "  iterations than none to reach the",
        "  cost",
        "short",
    ]


def _without_codes(text):
    return re.sub("\x1b\\[[0-9;]*m", "", text)


def test_decisions_are_coloured_in_a_terminal_and_plain_under_no_color(monkeypatch, capsys):
    text = "SUPPORTED  before faster than none"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen.verdicts(screen.answer(), text)
    assert "\x1b[1;32mSUPPORTED" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    screen.verdicts(screen.answer(), text)
    assert "\x1b[1;32m" not in capsys.readouterr().out
