"""What is seen while a study runs: bars in a terminal, plain lines elsewhere, nothing if quiet; never a verdict."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

import hunch
from hunch.evidence import DECISIONS, PROVISIONAL
from hunch.study import progress
from hunch.study.progress import Reporter


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def terminal(**more):
    return Console(file=io.StringIO(), force_terminal=True, width=100, **more)


def piped():
    return Console(file=io.StringIO(), width=100, soft_wrap=True, highlight=False)


def said(console):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())


# --- a terminal ----------------------------------------------------------------------------------


def test_a_terminal_shows_runs_done_time_left_and_how_the_claims_stand():
    clock, console = Clock(), terminal()
    reporter = Reporter(True, console, clock)
    with reporter.stage("blocks 1 to 10, confirm", 20, lambda: ["it stands so"]) as stage:
        clock.now = 1.0
        stage.done(5)
    shown = said(console)
    assert "blocks 1 to 10, confirm" in shown
    assert " 5/20 runs" in shown
    assert "left" in shown
    assert "  it stands so" in shown


def test_what_is_provisional_is_gone_when_the_stage_ends():
    clock, console = Clock(), terminal()
    with Reporter(True, console, clock).stage("confirm", 2, lambda: ["it stands so"]) as stage:
        clock.now = 1.0
        stage.done(2)
    last = said(console).rpartition("confirm")[2]
    assert "it stands so" not in last


def test_long_lines_are_folded_and_names_are_no_markup():
    clock, console = Clock(), terminal()
    line = "so far " + "[red]an arm[/red] with a long name " * 6
    with Reporter(True, console, clock).stage("[bold]block[/bold]", 2, lambda: [line]) as stage:
        clock.now = 1.0
        stage.done()
    shown = said(console)
    assert "[red]an arm[/red]" in shown
    assert "[bold]block[/bold]" in shown
    assert max(len(row) for row in re.split(r"[\r\n]", shown)) <= 100
    assert " ".join(shown.split()).count("with a long name") >= 6


def test_looking_takes_a_hundredth_of_the_time_at_most():
    clock, looks = Clock(), []

    def glance():
        looks.append(clock.now)
        clock.now += 2.0  # a slow look
        return ["so"]

    with Reporter(True, terminal(), clock).stage("confirm", 10_000, glance) as stage:
        for _ in range(5_000):
            clock.now += 0.1
            stage.done()
    spent = 2.0 * len(looks)
    assert len(looks) >= 3
    assert spent / clock.now < 0.02
    assert np.diff(looks).min() >= 2.0 / progress.GLANCE_SHARE


# --- elsewhere -----------------------------------------------------------------------------------


def test_a_pipe_gets_a_plain_line_a_stage_and_then_one_every_so_often():
    clock, console = Clock(), piped()
    with Reporter(True, console, clock).stage("tuning", 100, lambda: ["it stands so"]) as stage:
        for _ in range(99):
            clock.now += 1.0
            stage.done()
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "tuning: 100 runs"
    assert lines[1:] == [
        "tuning: 30 of 100 runs, about 70 s left", "  it stands so",
        "tuning: 60 of 100 runs, about 40 s left", "  it stands so",
        "tuning: 90 of 100 runs, about 10 s left", "  it stands so",
    ]  # fmt: skip
    assert "\x1b" not in console.file.getvalue()


def test_a_notebook_without_widgets_gets_plain_lines(monkeypatch):
    console = Console(file=io.StringIO(), force_jupyter=True)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert not Reporter(True, console)._can_move
    monkeypatch.setattr(progress, "find_spec", lambda name: object())
    assert Reporter(True, console)._can_move


def test_a_quiet_reporter_says_nothing_and_asks_nothing():
    clock, console = Clock(), terminal()
    reporter = Reporter(False, console, clock)
    reporter.say("hello")
    with reporter.stage("confirm", 2, lambda: 1 / 0) as stage:
        clock.now = 100.0
        stage.done()
    assert console.file.getvalue() == ""


def test_an_error_in_training_takes_the_bar_away():
    console = terminal()
    with pytest.raises(ValueError, match="broken"), Reporter(True, console).stage("confirm", 2):
        raise ValueError("broken")
    assert console.file.getvalue().endswith("\x1b[?25h"), "the cursor is back"


# --- a study -------------------------------------------------------------------------------------


@pytest.fixture
def watched(monkeypatch):
    """Every stage of a study in a terminal that looks at every run; what was shown is in the returned list."""
    shown = []
    monkeypatch.setattr(progress, "GLANCE_EVERY_S", 0.0)
    monkeypatch.setattr(progress, "GLANCE_SHARE", 1e12)
    make = Reporter._look

    def look(self, now):
        make(self, now)
        shown.append((self._text, self._lines))

    monkeypatch.setattr(Reporter, "_look", look)
    first = Reporter.__init__

    def start(self, is_on, console=None, clock=progress.time.monotonic):
        first(self, is_on, terminal(), clock)

    monkeypatch.setattr(Reporter, "__init__", start)
    return shown


def test_a_study_shows_the_interval_of_each_claim_after_every_block_and_calls_none_a_verdict(
    blobs, build, small, watched
):
    claims = ["before faster than none", "before lower cost than none"]
    study = hunch.compare(build, blobs, **{**small, "claims": claims, "seeds": 8, "progress": True})
    lines = [line for _, several in watched for line in several]
    assert all(line.startswith(f"{PROVISIONAL}: ") for line in lines)
    assert not any(word in line for line in lines for word in DECISIONS)
    assert "too few for an interval" in lines[0]
    for n in range(3, 9):
        assert sum(f"{n} seeds" in line for line in lines) >= 2, "both claims, after every block"
    last = watched[-1][1]
    assert len(last) == 2
    assert "interval" in last[0]
    # What was shown last rests on the runs that the verdict rests on.
    effect = study.verdicts[1]
    assert f"{effect.seeds} seeds" in last[1]


def test_what_is_shown_changes_nothing_of_what_is_found(blobs, build, small, watched):
    settings = {
        **small,
        "tuning": "replicated",
        "base": hunch.Arm("b", batch_size=16),
        "max_seeds": 8,
        "seeds": None,
    }
    settings |= {"budget": 20, "target": 0.9}
    loud = hunch.compare(build, blobs, **{**settings, "progress": True})
    assert watched
    quiet = hunch.compare(build, blobs, **{**settings, "progress": False})
    assert loud.verdicts == quiet.verdicts
    assert [t.key for t in loud.table] == [t.key for t in quiet.table]


def test_progress_false_is_silent(blobs, build, small, capsys):
    hunch.compare(build, blobs, **small)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
