"""The command as a process of its own: pipes, encodings, Ctrl-C."""

import json
import os
import subprocess
import sys

import pytest

HUNCH = [sys.executable, "-m", "hunch.cli"]


@pytest.mark.parametrize("args", [("list",), ("list", "--json"), ("test", "gone", "--json")], ids=" ".join)
def test_a_reader_that_has_left_ends_the_command_quietly(args, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*HUNCH, *args], stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


def test_a_terminal_without_arrows_is_no_reason_to_fail(tmp_path):
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    told = [
        subprocess.run([*HUNCH, *args], env=ascii_only, capture_output=True, cwd=tmp_path, check=True).stdout
        for args in (["list", "--long"], ["list", "--json"])
    ]
    assert b"64 ? 100 ? 100" in told[0]
    assert json.loads(told[1])["hunches"][0]["name"] == "bn-fewer-iterations"
