"""Calls of `hunch.tune` that take a moment, and what can be compared of their answers."""

import hunch
from hunch.data import digits

BUILD = hunch.mlp([64, 8, 10], "relu")
BASE = hunch.Arm("base", lr=0.3)


def tune(knob, doses=None, build=BUILD, data="digits", **settings):
    """A curve that takes a moment."""
    wanted = {"arm": BASE, "budget": 40, "seeds": 5, "fresh": 0, "progress": False}
    return hunch.tune(build, data, knob=knob, doses=doses, **(wanted | settings))


def values(found):
    """The doses of a curve of one knob."""
    return [dose.value[0] for dose in found.doses]


def same_runs(found, dose, build=BUILD, data="digits", **arm):
    """Whether the runs of a dose are those of an arm that says the same in its own words."""
    frame = found.frame()
    mine = frame.loc[frame["arm"] == next(d.arm for d in found.doses if d.value == dose)]
    lr = arm.pop("lr", 0.3)
    runs = hunch.train(
        build, data, arm=hunch.Arm("own", **arm), seeds=mine["seed"].tolist(), budget=found.plan.budget, lr=lr,
        progress=False, engine=found.facts.engine,
    )  # fmt: skip
    columns = ["seed", "cost", "held_out_cost", "held_out_error"]
    own = runs.frame()[columns].reset_index(drop=True)
    return own.equals(mine[columns].reset_index(drop=True))


def answers(found):
    """Everything that is said, without where and when it was computed."""
    said = found.to_json()
    return {k: v for k, v in said.items() if k != "provenance"}


def scaled(factor):
    """The digits, all inputs so many times as large."""
    data = digits()
    return factor * data.x, data.y, factor * data.x_held, data.y_held
