import sys
from pathlib import Path

import numpy as np
import pytest

import hunch
from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def blobs(rng):
    """Three classes, eight features, learnable in a few dozen steps."""
    centres = rng.normal(size=(3, 8))
    y = np.arange(240) % 3
    x = centres[y] + 0.4 * rng.normal(size=(240, 8))
    return x.astype(np.float32), y


@pytest.fixture
def small():
    """Keywords of a comparison that takes a second."""
    return {
        "arms": [hunch.Arm("none"), hunch.Arm("before", norm="batch")],
        "base": hunch.Arm("base", lr=0.5, batch_size=16),
        "claims": [hunch.faster("before", than="none")],
        "budget": 40,
        "seeds": 6,
        "progress": False,
    }


@pytest.fixture
def build():
    return hunch.mlp([8, 6, 3], "sigmoid")


@pytest.fixture(params=[LoopEngine, NativeEngine], ids=lambda e: e.name)
def engine(request):
    """Every engine that this installation has, as a class."""
    if request.param is NativeEngine and native_absence():
        pytest.skip(native_absence())
    return request.param
