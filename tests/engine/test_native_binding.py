"""What the extension is handed by mistake is refused in words: never a crash, never results that are lost."""

import numpy as np
import pytest
import torch
from cases import made, made_data
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import LoopEngine, NativeEngine, choose
from hunch.engine.native import _row, _shared
from hunch.engine.native_extension import native_absence, native_module
from hunch.plan import Arm

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")

REFUSALS = (ValueError, TypeError, KeyError, RuntimeError)
WHAT = made(hunch.mlp([9, 8, 3], "tanh"), Arm("x", norm="batch", keep_prob=0.5, batch_size=20), budget=10)


@pytest.fixture
def trainer():
    made_trainer = native_module().Trainer(1)
    yield made_trainer
    made_trainer.stop()


def arguments(**changed):
    """What the engine hands over for one run; a function among the changes is applied to what is there."""
    shared = _shared(native_module(), WHAT.setting)
    there = NativeEngine(1)._arguments(0, shared, WHAT.setting, _row(WHAT.setting, WHAT.job()))
    return there | {k: v(there[k]) if callable(v) else v for k, v in changed.items()}


def collected(trainer):
    for _ in range(100):
        done = trainer.collect(0.1)
        if done:
            return done
    raise AssertionError("nothing came back")


def test_what_fits_is_taken_and_trained(trainer):
    given = arguments()
    assert trainer.submit(**given) > 1000
    assert [d[:2] for d in collected(trainer)] == [(0, -1)]
    assert np.isfinite(given["cost"]).all()


def short(a):
    return a[:-1].copy()


def frozen(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"parameters": short}, "parameters has 138 elements, not 139"),
        ({"parameters": lambda a: a.astype(np.float32)}, "parameters has the wrong number type"),
        ({"parameters": lambda a: a.astype(np.int64)}, "parameters has the wrong number type"),
        ({"parameters": lambda a: a.astype(">f8")}, "incompatible function arguments"),
        ({"parameters": lambda a: a.tolist()}, "incompatible function arguments"),
        ({"parameters": frozen}, "incompatible function arguments"),
        ({"parameters": None}, "incompatible function arguments"),
        ({"cost": short}, "cost has 5 elements, not 6"),
        ({"cost": frozen}, "incompatible function arguments"),
        ({"held_cost": short}, "held_cost has 4 elements, not 5"),
        ({"held_error": short}, "held_error has 4 elements, not 5"),
        ({"held_losses": np.zeros(82, np.float32)}, "held_losses has 82 elements, not 83"),
        ({"held_losses": np.zeros(83)}, "held_losses has the wrong number type"),
        ({"held_losses": lambda _: frozen(np.zeros(83, np.float32))}, "incompatible function arguments"),
        ({"held_losses": lambda _: [0.0] * 83}, "incompatible function arguments"),
        ({"readings": short}, "readings has 180 elements, not 200"),
        ({"readings": lambda a: a.astype(np.float64)}, "readings has the wrong number type"),
        ({"factors": short}, "factors has 9 elements, not 10"),
        ({"layers": []}, "last layer's width does not fit"),
        ({"layers": lambda a: a[::-1]}, "layers do not fit together"),
        ({"inputs": {}}, "dropout"),
        ({"layers": [{}]}, "dropout"),
        ({"numbers": {}}, "lr"),
        ({"batch_size": 0}, "batch_size is out of range"),
        ({"batch_size": 1}, "batch_size is out of range"),  # batch norm
        ({"batch_size": 301}, "batch_size is out of range"),
        ({"batch_size": 2.5}, "incompatible function arguments"),
        ({"seed": -1}, "incompatible function arguments"),
        ({"optimizer": 4}, "no such optimizer"),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else str(v),
)
def test_arrays_and_numbers_that_do_not_fit_are_refused_in_words(trainer, changed, words):
    with pytest.raises(REFUSALS, match=words):
        trainer.submit(**arguments(**changed))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_in": 0}, "inputs and outputs"),
        ({"n_out": -1}, "inputs and outputs"),
        ({"n_out": 2**31 - 1}, "do not fit together"),
        ({"norm": 9}, "no such norm"),
        ({"norm": 4, "groups": 3}, "groups must divide"),
        ({"norm": 4, "groups": 0}, "groups must divide"),
        ({"activation": 10}, "no such norm or activation"),
        ({"dropout": 4}, "no such dropout"),
        ({"keep": 0.0}, "keep must be in"),
        ({"keep": float("nan")}, "keep must be in"),
        ({"site": 5}, "site is out of range"),
        ({"weight": (False, False, False)}, "needs a weight"),
        ({"bias": (False, False, False)}, "parameters has 139 elements, not 131"),
    ],
    ids=str,
)
def test_layers_that_do_not_fit_are_refused_in_words(trainer, changed, words):
    with pytest.raises(REFUSALS, match=words):
        trainer.submit(**arguments(layers=lambda ls: [ls[0] | changed, *ls[1:]]))


DECLINED = {
    "`1` (BatchNorm1d) averages its running statistics": lambda: nn.BatchNorm1d(8, momentum=None),
    "`1` (BatchNorm1d) keeps no running statistics": lambda: nn.BatchNorm1d(8, track_running_stats=False),
    "`1` (BatchNorm1d) has 5 features": lambda: nn.BatchNorm1d(5),
    "`1` (LayerNorm) normalises over (1, 8)": lambda: nn.LayerNorm((1, 8)),
    "`1` (GroupNorm) has 4 channels": lambda: nn.GroupNorm(2, 4),
    "`1` is a PReLU": nn.PReLU,
    "`1` is a LeakyReLU": lambda: nn.LeakyReLU(0.2),
    "`1` is a ELU": lambda: nn.ELU(alpha=2.0),
    "`1` is a Softplus": lambda: nn.Softplus(beta=2),
    "`1` is a SELU": nn.SELU,
    "`1` is a AlphaDropout": lambda: nn.AlphaDropout(0.2),
    "`1` is a Unflatten": lambda: nn.Unflatten(1, (2, 4)),
    "`1` drops every unit": lambda: nn.Dropout(1.0),
}


@pytest.mark.parametrize("words", DECLINED)
def test_a_module_that_the_engine_does_not_know_is_declined_by_its_name(words):
    network = nn.Sequential(nn.Linear(9, 8), DECLINED[words](), nn.Linear(8, 3))
    choice = choose(network, made_data())
    assert choice.engine.name in ("batched", "loop")
    assert choice.reason.startswith("native declined: ") and words in choice.reason
    with pytest.raises(hunch.UnsupportedError, match="engine='native' cannot train this network"):
        choose(network, made_data(), "native")


def test_inputs_of_several_axes_without_a_flatten_are_declined():
    data = made_data()
    shape = (-1, 3, 3)
    images = load((data.x.reshape(shape), data.y, data.x_held.reshape(shape), data.y_held))
    choice = choose(nn.Sequential(nn.Linear(9, 3)), images)
    assert "reach a linear layer without nn.Flatten" in choice.reason


def test_networks_built_in_other_number_types_train_alike():
    for built in (torch.float64, torch.float16):
        what = made(lambda b=built: nn.Sequential(nn.Linear(9, 3)).to(b), budget=5)
        ours, theirs = (next(e.train(what.setting, [what.job()])) for e in (NativeEngine(1), LoopEngine()))
        assert ours.trace.cost == pytest.approx(theirs.trace.cost, abs=1e-12)


def shared_of(what, **changed):
    """The extension's setting, made from what the engine hands over for `what`, and some of it changed."""
    given = {}

    class Listening:
        Setting = staticmethod(lambda **arguments: given.update(arguments))

    _shared(Listening, what.setting)
    return native_module().Setting(
        **(given | {k: v(given[k]) if callable(v) else v for k, v in changed.items()})
    )


def trained_cost(trainer, shared):
    given = NativeEngine(1)._arguments(0, shared, WHAT.setting, _row(WHAT.setting, WHAT.job()))
    trainer.submit(**given)
    collected(trainer)
    return given["cost"]


INPUTS = ("x", "y", "x_slice", "y_slice", "x_held", "y_held", "y_scale", "eval_at", "held_at", "reading_at")


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("lying", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], frozen])
def test_inputs_that_lie_otherwise_in_memory_are_taken_and_give_the_same_training(name, lying):
    costs = []
    for changed in ({}, {name: lying}):
        trainer = native_module().Trainer(1)
        costs.append(trained_cost(trainer, shared_of(WHAT, **changed)))
        trainer.stop()
    assert np.isfinite(costs[0]).all() and np.array_equal(*costs)


WRONG = {
    "nothing": None,
    "a number": 3,
    "text": "text",
    "a list": lambda a: a.tolist(),
    "complex": lambda a: a.astype(complex),
    "objects": lambda a: a.astype(object),
    "half": lambda a: a.astype(np.float16),
    "int32": lambda a: a.astype(np.int32),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "no axis": lambda a: np.array(0, dtype=a.dtype),
    "empty": lambda a: a[..., None][:0],
    "doubled": lambda a: np.stack([a, a]),
}
HARMLESS = [(grid, w) for grid in ("eval_at", "held_at") for w in ("no axis", "empty")] + [
    ("reading_at", "empty")
]


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("wrong", WRONG)
def test_inputs_that_do_not_fit_are_refused_in_words(name, wrong):
    if (name, wrong) in HARMLESS:  # a grid of one iteration or of none
        assert shared_of(WHAT, **{name: WRONG[wrong]}) is not None
        return
    with pytest.raises(REFUSALS, match="incompatible function arg|wrong|axes|elements|empty|must increase"):
        shared_of(WHAT, **{name: WRONG[wrong]})
