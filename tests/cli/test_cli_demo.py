"""What `make demo` runs, in small: nothing stored, the verdict in words, one page that is whole."""

import contextlib
import io
import re

import pytest

from hunch.cli import main
from hunch.cli.app import app

QUICK = ("--seeds", "6", "--budget", "30", "--target", "2.2", "--base", "lr=1.0")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """(the folder, stdout, stderr) of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stopped,
    ):
        main(["test", "bn-fewer-iterations", *QUICK])
    assert not stopped.value.code
    return folder, out.getvalue(), err.getvalue()


def test_the_demo_leaves_one_page_and_no_study(demo):
    assert [path.name for path in demo[0].iterdir()] == ["bn-fewer-iterations.html"]


def test_the_demo_says_the_verdict_with_its_interval_and_where_the_page_is(demo):
    said = " ".join(demo[1].split())
    assert re.search(r"before|none", said)
    assert re.search(r"\d+ % interval|at least|undecided", said, re.IGNORECASE)
    assert "bn-fewer-iterations.html" in said


def test_the_demo_shows_progress_beside_its_answer(demo):
    assert "confirm" in demo[2]
    assert "confirm" not in demo[1].splitlines()[0]


def test_the_page_of_the_demo_is_whole_and_small(demo):
    page = (demo[0] / "bn-fewer-iterations.html").read_bytes()
    assert len(page) < 2_000_000
    text = page.decode("utf-8")
    assert text.rstrip().endswith("</html>")
    assert not re.search(r"""(src|href)=["']https?:""", text), "it opens offline"
    answer = next(line for line in demo[1].splitlines() if line.strip())
    words = re.findall(r"[a-z]{4,}", answer.lower())
    assert all(word in text.lower() for word in words), "the page says what the terminal says"


@pytest.mark.parametrize("command", [c.name or c.callback.__name__ for c in app.registered_commands])
def test_every_command_has_json(command, capsys):
    with pytest.raises(SystemExit):
        main([command.rstrip("_"), "--help"])
    assert "--json" in capsys.readouterr().out
