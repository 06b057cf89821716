"""In float32 the native engine is as close to the loop as ten times what PyTorch differs from itself."""

import numpy as np
import pytest
import torch
from cases import FACTORS, largest_difference, made_case, name_of, one, pairwise, turned

from hunch.engine import LoopEngine, NativeEngine
from hunch.engine.native_extension import native_absence

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

COVER = pairwise()
SOME = [*COVER[4::9], *[c for c in COVER if c["optimizer"] == "adam"][:3]]
ROUNDING = float(np.finfo(np.float32).eps)


def times_pytorch_itself(case, monkeypatch):
    """How often the engines' difference holds PyTorch's own (at least one rounding), readings included."""
    what = made_case(case, dtype=torch.float32)
    plain = one(LoopEngine(), what)
    own = largest_difference(plain, turned(what, monkeypatch))
    return largest_difference(one(NativeEngine(1), what), plain) / max(own, ROUNDING)


@pytest.mark.parametrize("case", SOME, ids=name_of)
def test_some_arms_are_within_ten_times_what_pytorch_differs_from_itself(case, monkeypatch):
    assert times_pytorch_itself(case, monkeypatch) <= 10


@pytest.mark.slow
@pytest.mark.parametrize("case", COVER, ids=name_of)
def test_every_arm_is_within_ten_times_what_pytorch_differs_from_itself(case, monkeypatch):
    assert times_pytorch_itself(case, monkeypatch) <= 10


@pytest.mark.parametrize("kind", FACTORS["dropout"], ids=str)
def test_turning_batches_and_masks_changes_nothing_but_rounding(kind, monkeypatch):
    case = {n: FACTORS[n][0] for n in FACTORS} | {"activation": "tanh", "dropout": kind}
    what = made_case(case, dtype=torch.float64)
    assert 0 < largest_difference(one(LoopEngine(), what), turned(what, monkeypatch)) < 1e-12
