"""What the README promises is there: two commands, names that exist, command lines that are read."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import hunch
from hunch.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for line in re.sub(r"\\\n\s*", " ", README).splitlines()
    if line.startswith("    hunch ")
]


def recipe(target):
    """The commands of a target and of what it needs."""
    found = re.search(rf"^{target}:([^\n]*)\n((?:\t[^\n]*\n)*)", MAKEFILE, re.MULTILINE)
    assert found, f"there is no target {target}"
    return "".join(recipe(need) for need in found[1].split() if need.isalpha()) + found[2]


def test_the_two_commands_of_a_newcomer_are_named_and_install_what_they_need():
    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}: install\b", MAKEFILE, re.MULTILINE)
    assert "hunch test bn-fewer-iterations" in recipe("demo")
    assert "pytest" in recipe("test")


def test_check_runs_format_lint_types_and_layers_and_ci_runs_both():
    for tool in ("ruff format --check", "ruff check", "pyright", "lint-imports"):
        assert tool in recipe("check")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in ci if line.startswith("make ")] == ["make check", "make test"]


@pytest.mark.parametrize("block", BLOCKS)
def test_python_in_the_readme_uses_public_names_alone(block):
    names = {
        node.attr
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hunch"
    }
    assert names
    assert names <= set(hunch.__all__)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_lines_in_the_readme_have_options_that_exist(words, capsys):
    # With --help behind it nothing is done, but every option before it has to be one.
    with pytest.raises(SystemExit) as stopped:
        main([*words[1:], "--help"])
    told = capsys.readouterr()
    assert stopped.value.code == 0, told.err
    for word in words[1:]:
        assert not word.startswith("-") or word in told.out


def test_the_readme_has_an_example_and_command_lines():
    assert BLOCKS
    assert {words[1] for words in COMMANDS} >= {"list", "test", "compare", "show", "report"}


def test_the_replay_of_the_docs_gives_the_trained_weights():
    import torch

    before = torch.get_num_threads()
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "replay.md").read_text(encoding="utf-8"), re.DOTALL
    )
    try:
        exec(compile(code, "replay.md", "exec"), {})
    finally:
        torch.set_num_threads(before)
