"""`net.py:build`: imported by its path, or refused with words."""

import sys

import pytest

from hunch.cli.loading import load_build
from hunch.errors import NetworkError


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def go(text, name="net.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return go


def refused(text):
    with pytest.raises(NetworkError) as caught:
        load_build(text)
    return caught.value.slug, str(caught.value)


def test_the_function_is_taken_out_of_the_file(write):
    write("def small():\n    return 'small'\n")
    assert load_build("net.py:small")() == "small"


def test_the_function_is_called_build_when_none_is_named(write):
    write("build = lambda: 'built'\n")
    assert load_build("net.py")() == "built"
    assert load_build("net.py:")() == "built"


def test_a_class_serves_as_well_as_a_function(write):
    write("class Net:\n    pass\n")
    assert type(load_build("net.py:Net")()).__name__ == "Net"


def test_a_path_with_folders_and_spaces_works_from_anywhere(write):
    path = write("def build():\n    return __file__\n", "my nets/deep/net.py")
    assert load_build(f"{path}:build")() == str(path)
    assert load_build("my nets/deep/net.py:build")() == str(path)


def test_the_file_finds_its_neighbours_and_the_path_is_as_before_afterwards(write):
    write("WIDTH = 7\n", "nets/hunch_test_neighbour.py")
    write("from hunch_test_neighbour import WIDTH\ndef build():\n    return WIDTH\n", "nets/net.py")
    before = list(sys.path)
    assert load_build("nets/net.py:build")() == 7
    assert sys.path == before
    sys.modules.pop("hunch_test_neighbour")


def test_a_dataclass_in_the_file_works(write):
    write(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Net:\n    width: int = 3\n"
    )
    assert load_build("net.py:Net")().width == 3


def test_a_file_called_like_a_module_does_not_stand_in_for_it(write):
    write("def build():\n    return 'mine'\n", "json.py")
    import json

    assert load_build("json.py:build")() == "mine"
    assert sys.modules["json"] is json


def test_what_stands_under_main_is_not_run(write):
    write("if __name__ == '__main__':\n    raise SystemExit('ran')\ndef build():\n    return 1\n")
    assert load_build("net.py:build")() == 1


def test_a_missing_file_is_answered_with_the_files_that_are_there(write):
    write("", "nett.py")
    slug, text = refused("net.py:build")
    assert slug == "network-file-missing"
    assert "there is no file net.py. The Python files there are nett.py." in text
    assert "there is no folder nowhere" in refused("nowhere/net.py:build")[1]


def test_a_folder_without_python_files_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no Python file there." in refused("net.py")[1]
    assert "is a folder" in refused(str(tmp_path))[1]


def test_another_kind_of_file_is_refused(write):
    write("[]", "net.json")
    assert refused("net.json:build") == (
        "network-file-kind",
        "'net.json:build': net.json is no Python file. Name a .py file with a function that makes the "
        "network, for instance net.py:build.  [network-file-kind]",
    )


def test_a_missing_function_is_answered_with_those_that_are_there(write):
    write(
        "from math import sqrt\n"
        "def build_net():\n    pass\ndef other():\n    pass\ndef _hidden():\n    pass\n"
    )
    slug, text = refused("net.py:build")
    assert slug == "network-function-missing"
    assert "there is no function 'build'. The functions there are build_net, other." in text
    assert "for instance net.py:build_net" in text


def test_a_file_without_functions_is_called_so(write):
    write("x = 1\n")
    assert "The file defines no function." in refused("net.py:build")[1]


def test_a_name_that_is_no_function_is_refused(write):
    write("net = 3\ndef build():\n    pass\n")
    slug, text = refused("net.py:net")
    assert slug == "network-build-not-a-function"
    assert "'net' is no function, its type is int" in text


def test_an_import_that_raises_says_what_and_where(write):
    write("import os\n\nimport no_such_module_at_all\n")
    slug, text = refused("net.py:build")
    assert slug == "network-import-raised"
    assert "ModuleNotFoundError: No module named 'no_such_module_at_all' (line 3 of net.py)" in text
    assert "hunch_network_net" not in sys.modules


def test_a_file_that_exits_is_told_how_not_to(write):
    write("import sys\nsys.exit()\n")
    slug, text = refused("net.py:build")
    assert slug == "network-import-raised"
    assert "raised SystemExit (line 2 of net.py)" in text
    assert '`if __name__ == "__main__":`' in text


def test_a_syntax_error_names_the_line(write):
    write("def build(:\n")
    slug, text = refused("net.py:build")
    assert slug == "network-import-raised"
    assert "because net.py, line 1 is not Python" in text


def test_an_error_in_a_neighbour_names_the_line_that_imports_it(write):
    write("1 / 0\n", "hunch_test_broken.py")
    write("\n\nimport hunch_test_broken\n")
    assert "ZeroDivisionError: division by zero (line 3 of net.py)" in refused("net.py:build")[1]
