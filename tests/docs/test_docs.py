"""The pages are true: their code runs, their commands are read, their links lead somewhere, nothing is left out."""

import os
import re
import sys
from pathlib import Path

import pytest
import typer

sys.path.insert(0, str(Path(__file__).parent))

from blocks import anchors, command_lines, links, make_tiny, python_blocks, unmarked_python
from commands_page import commands, page

import hunch
from hunch.evidence import DECISIONS, EXPLORED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FRONT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NAMES = [path.stem for path in PAGES]
TESTED_ELSEWHERE = {"dropout", "replay"}  # as doctests, and as a whole


def text_of(path):
    return path.read_text(encoding="utf-8")


# --- code and commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [p for p in [*PAGES, *FRONT] if python_blocks(text_of(p))], ids=lambda p: p.stem
)
def test_the_python_of_a_page_runs(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_tiny(monkeypatch)
    names = {"__name__": "page"}
    for setup, code in python_blocks(text_of(path)):
        exec(compile(setup, f"{path.name} (before a block)", "exec"), names)
        exec(compile(code, path.name, "exec"), names)


@pytest.mark.parametrize("path", [*PAGES, *FRONT], ids=lambda p: p.stem)
def test_no_python_of_a_page_goes_untested(path):
    if path.stem not in TESTED_ELSEWHERE:
        assert unmarked_python(text_of(path)) == []


def read_command(words):
    """Let the parser read a command line as far as it goes without doing it.

    Raises:
        Exception: Whatever the parser finds wrong.
    """
    group = typer.main.get_command(hunch.cli.app.app)
    if words[0] in ("--help", "--version"):
        return
    _, command, rest = group.resolve_command(group.make_context("hunch", list(words)), list(words))
    command.make_context(f"hunch {words[0]}", list(rest))


COMMANDS = [(p.stem, words) for p in [*PAGES, *FRONT] for words in command_lines(text_of(p))]


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_the_command_lines_of_a_page_are_read(where, words):
    read_command(words)


@pytest.mark.parametrize(
    "words", [["compair", "net.py"], ["compare", "net.py", "--arms", "a"], ["tune", "--seeds", "x"]]
)
def test_the_check_on_command_lines_can_fail(words):
    with pytest.raises(Exception, match=r"(?i)no such|valid integer"):
        read_command(words)


# --- links ---------------------------------------------------------------------------------------


def broken(path):
    """The links of a page that lead nowhere."""
    for link in links(text_of(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            yield link


@pytest.mark.parametrize(
    "path", [*PAGES, *FRONT, *sorted((DOCS / "decisions").glob("*.md"))], ids=lambda p: p.stem
)
def test_every_link_leads_somewhere(path):
    assert list(broken(path)) == []


def test_the_check_on_links_can_fail(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "# Here\n[a](gone.md) [b](#here) [c](#there) [d](https://x.org) `[e](no.md)`\n", encoding="utf-8"
    )
    assert list(broken(path)) == ["gone.md", "#there"]


def test_the_index_lists_every_page():
    linked = set(links(text_of(DOCS / "index.md")))
    assert {f"{name}.md" for name in NAMES} - {"index.md"} <= linked


def test_the_readme_leads_to_the_pages():
    linked = set(links(text_of(ROOT / "README.md")))
    assert {"docs/index.md", "docs/quick-start.md", "docs/how-to-choose.md", "docs/architecture.md"} <= linked


# --- nothing left out ----------------------------------------------------------------------------


def test_gold_page_of_commands():
    if os.environ.get("HUNCH_GOLD") == "accept":
        (DOCS / "commands.md").write_text(page(), encoding="utf-8")
    assert text_of(DOCS / "commands.md") == page()


def test_every_flag_of_every_command_is_on_the_page():
    told = text_of(DOCS / "commands.md")
    for name, command in commands():
        part = told.split(f"## hunch {name}\n")[1].split("\n## ")[0]
        for param in command.params:
            for flag in [*param.opts, *param.secondary_opts]:
                assert not flag.startswith("-") or flag == "--help" or f"`{flag}" in part, (name, flag)


@pytest.mark.parametrize("word", DECISIONS)
def test_every_verdict_word_is_explained(word):
    assert f"- `{word}`" in text_of(DOCS / "verdicts.md")


@pytest.mark.parametrize("word", EXPLORED)
def test_every_word_of_an_exploration_is_explained(word):
    assert f"`{word}`" in text_of(DOCS / "explore.md")


def test_every_public_name_is_named_on_a_page():
    told = "\n".join(text_of(path) for path in [*PAGES, ROOT / "README.md"])
    missing = [name for name in hunch.__all__ if not re.search(rf"\b(hunch\.)?{re.escape(name)}\b", told)]
    assert missing == []


def test_every_setting_of_an_arm_is_explained():
    told = text_of(DOCS / "compare.md")
    for name in hunch.Arm.__dataclass_fields__:
        assert f"`{name}`" in told, name


# --- the checking helpers ------------------------------------------------------------------------


def test_blocks_are_found_as_they_are_marked():
    text = (
        "# T\n\n<!-- runs with\nimport os\n-->\n```python\na = 1\n```\n\n<!-- runs -->\n```python\nb = a\n```\n"
        "```python\nc\n```\n```sh\nhunch list  # all\n$ hunch show \\\n  a.hunch\nls\n```\n    hunch info\n"
    )
    assert python_blocks(text) == [("import os", "a = 1\n"), ("", "b = a\n")]
    assert unmarked_python(text) == ["c\n"]
    assert command_lines(text) == [["list"], ["show", "a.hunch"], ["info"]]


def test_anchors_are_those_of_github():
    assert anchors("# What `hunch` does\n```sh\n# no heading\n```\n## A, b & c?\n") == {
        "what-hunch-does",
        "a-b--c",
    }
