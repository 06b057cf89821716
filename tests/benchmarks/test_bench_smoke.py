"""The benchmark runs on tiny sizes; what it measures there means nothing and is not looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hunch.engine.native_extension import native_module

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(native_module() is None, reason="there is no compiled extension")
def test_the_benchmark_prints_its_table_and_lines():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for text in (
        "GFLOP/s", "Hunch native", "at level v3", "(a) PyTorch loop", "(b) torch.func.vmap", "evaluation on W1",
        "readings on W1", "memory of", "rows of W1", "cores on W1", "width of W1", "study bn-before-activation",
    ):  # fmt: skip
        assert text in done.stdout, text
