"""An interrupt is answered within a step, however wide the network is."""

import os
import time

import pytest
import torch
from cases import made, made_data, one

import hunch
from hunch.engine import NativeEngine
from hunch.engine.native import _row, _shared
from hunch.engine.native_extension import native_absence, native_module
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")


@pytest.mark.slow
@pytest.mark.skipif("HUNCH_EXTENSION" in os.environ, reason="a build with sanitizers takes its time")
def test_a_wide_step_is_left_between_two_of_its_layers():
    build = hunch.mlp([9, 2500, 2500, 3])
    data = made_data(n=1003, n_held=3)
    arm = Arm("x", batch_size=1000, lr=1e-4)
    single = made(build, arm, data=data, budget=1, dtype=torch.float32, readings=False)
    longer = made(build, arm, data=data, budget=1000, dtype=torch.float32, readings=False)
    a_step = one(NativeEngine(1), single).trace.wall_s
    shared = _shared(native_module(), longer.setting)
    waits = []
    for part in (0.5, 0.8, 1.1, 1.4, 1.7):
        trainer = native_module().Trainer(1)
        row = _row(longer.setting, longer.job())
        trainer.submit(**NativeEngine(1)._arguments(0, shared, longer.setting, row))
        time.sleep(part * a_step)
        asked = time.perf_counter()
        trainer.stop()
        waits.append(time.perf_counter() - asked)
    # The longest of its products is a third of such a step; the rest is room for a busy machine.
    assert max(waits) < max(0.2, 0.6 * a_step), (a_step, waits)
