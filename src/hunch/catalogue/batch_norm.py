"""Hunches about batch normalisation: whether and where; what it does inside, to rates, and other norms beside it.

The figures quoted under `holds` and `fails` are those of the sources named there; most are single runs.
"""

from __future__ import annotations

from dataclasses import replace

from hunch.catalogue import batch_norm_mechanism, batch_norm_rates, norms
from hunch.catalogue.hunch import Hunch, Quick, Regime
from hunch.plan import Arm, faster, lower

WIDTHS = (64, 100, 100, 100, 10)
BASE = Arm("base", optimizer="sgd")

# Where several regimes are tested, smaller layers and batches keep the whole within minutes.
SMALL = (64, 64, 64, 64, 10)
SMALL_BATCHES = replace(BASE, batch_size=32)
QUARTER = 1.25  # of iterations: the least that pays for a layer that makes an iteration dearer
TENTH = 1.1  # of iterations: two places of one layer cost the same, so a tenth is worth having

# Norm and place are named outright, so that the arms mean the same on a network that brings norms of its own.
NONE = Arm("none", norm="none")
BEFORE = Arm("before", norm="batch", norm_at="before_activation")
AFTER = Arm("after", norm="batch", norm_at="after_activation")

FEWER_ITERATIONS = Hunch(
    name="bn-fewer-iterations",
    statement="Batch norm before the activation reduces the iterations used to reach a low enough cost.",
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167): on ImageNet, batch norm by itself took 2.3 times fewer "
        "steps to the baseline's accuracy. The 14 times that are often quoted came with a higher learning "
        "rate and less dropout and L2."
    ),
    holds=(
        "At moderate depth, with plain SGD and batches of 16 or more; most of all where the untouched "
        "network learns slowly: sigmoid units, small initial weights, a timid learning rate."
    ),
    fails=(
        "The gain shrinks with good initial weights and a tuned learning rate: in Udacity's batch norm "
        "lesson (sigmoid, 784-100-100-100-10) it was gone after 50,000 steps at rate 2. It turns round with "
        "batches of 2, and an iteration costs more (there about twice as much), so fewer iterations need not "
        "be less time."
    ),
    widths=WIDTHS,
    activation="sigmoid",
    arms=(NONE, BEFORE),
    claims=(faster("before", than="none"),),
    base=BASE,
    mechanism=("slope", "saturated", "update_weight", "update_shift"),
    quick=Quick(seeds=8, budget=500, tuning="once"),
)

EVERYWHERE = Hunch(
    name="bn-fewer-iterations-everywhere",
    statement="Batch norm needs fewer iterations with sigmoid and with ReLU, in shallow and in deep networks.",
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167): a perceptron of sigmoid units on MNIST and Inception with ReLU "
        "learned faster with it, and Inception with sigmoid units learned with it alone."
    ),
    holds=(
        "In Udacity's batch norm lesson (784-100-100-100-10, rate .01, single runs) ReLU came to 80 % in about 200 "
        "steps against 1,750, and sigmoid to 90 % in about 1,000, where without batch norm 80 % took 45,000."
    ),
    fails=(
        "In that lesson nothing was left of it after 50,000 steps of sigmoid at rate 2. In the caffenet-benchmark "
        "GoogLeNet without batch norm, at .619, was ahead of both places with it. And deep stacks without skips can be "
        "hard to train because of batch norm: at the start it makes gradients grow with depth (Yang et al. 2019, arXiv "
        "1902.08129)."
    ),
    arms=(NONE, BEFORE),
    claims=(faster("before", than="none", margin=QUARTER),),
    base=SMALL_BATCHES,
    seeds=30,
    budget=1000,
    mechanism=("slope", "saturated", "gradient_growth", "update_weight", "update_shift"),
    regimes=tuple(
        Regime(
            name=f"{number} {activation} layer{'s' * (depth > 1)}",
            widths=(64, *(64,) * depth, 10),
            activation=activation,
        )
        for activation in ("sigmoid", "relu")
        for number, depth in (("one", 1), ("six", 6))
    ),
    quick=Quick(seeds=8, budget=400, tuning="once"),
)

BEFORE_ACTIVATION = Hunch(
    name="bn-before-activation",
    statement=(
        "Batch norm before the activation reaches a low enough cost in fewer iterations than batch norm "
        "after it."
    ),
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167, section 3.2) place it before, because what the linear layer "
        "puts out is closer to Gaussian than what the activation does; the learner's post of 2017 with which "
        "this catalogue starts repeats it."
    ),
    holds=(
        "Where initial weights are so large that bounded units start saturated: a norm after the activation "
        "cannot undo that, one before it can."
    ),
    fails=(
        "It is a convention, not a law. In the CaffeNet benchmark (ImageNet, ReLU, with scale and bias) "
        "after reached .493 and before .478; with GoogLeNet before reached .603, after .596, and no batch "
        "norm at all .619. On a CIFAR-10 perceptron after fitted the training data better and before "
        "generalised better; on a small CIFAR-10 convolution network they tied."
    ),
    # The network without batch norm is no part of the question; it shows whether there was anything to win.
    arms=(NONE, BEFORE, AFTER),
    claims=(faster("before", than="after", margin=TENTH),),
    base=SMALL_BATCHES,
    seeds=40,
    budget=600,
    mechanism=(
        "slope",
        "saturated",
        "preactivation_spread",
        "gradient_growth",
        "update_weight",
        "update_shift",
    ),
    regimes=(
        # Before the activation the norm undoes the spread of the weights, after it it does not: that is the difference.
        *(
            Regime(
                name=f"sigmoid from {size} weights",
                widths=SMALL,
                activation="sigmoid",
                base=replace(SMALL_BATCHES, init_std=spread),
            )
            for size, spread in (("small", 0.1), ("large", 2.0))
        ),
        Regime(name="relu", widths=SMALL, activation="relu"),
    ),
    quick=Quick(seeds=8, budget=400, tuning="once"),
)

SPREADS = (0.2, 2, 20)  # two decades of initial spread: from nothing saturated to nearly everything
MARGIN = 0.05  # a difference of five points in the share of saturated units is the least that matters

KEEPS_UNSATURATED = Hunch(
    name="bn-keeps-units-unsaturated",
    statement=(
        "Batch norm before the activation keeps the share of saturated units low, however badly the linear "
        "layer's output is distributed."
    ),
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167, section 3.3) give it as one reason why batch norm bears "
        "higher learning rates; a learner's post of 2017 gives it as the reason why batch norm works at all."
    ),
    holds=(
        "For bounded activations with large initial weights. If a sigmoid's input is spread with standard "
        "deviation 10, its slope is under .01 for 65 % of the values; with standard deviation 1, as batch "
        "norm starts, for almost none."
    ),
    fails=(
        "With small initial weights (init_std 0.2 here) and a moderate learning rate next to nothing is "
        "saturated in either arm, so batch norm has nothing to win; there only large steps saturate units. "
        "Large steps do so with batch norm too, because its scale is learned. And unsaturated is not yet "
        "faster: batch norm speeds up ReLU networks too, which cannot saturate."
    ),
    widths=SMALL,
    activation="sigmoid",
    arms=tuple(
        Arm(f"{name}@{spread:g}", norm=arm.norm, norm_at=arm.norm_at, init_std=float(spread))
        for spread in SPREADS
        for name, arm in (("none", NONE), ("before", BEFORE))
    ),
    claims=tuple(
        lower("saturated", f"before@{spread:g}", than=f"none@{spread:g}", margin=MARGIN) for spread in SPREADS
    ),
    base=SMALL_BATCHES,
    # Saturation is a matter of the first few hundred iterations; a longer run would only dilute the mean.
    budget=500,
    mechanism=("saturated", "saturation", "slope", "preactivation_spread"),
    quick=Quick(seeds=10, tuning="once"),
)

HUNCHES = (
    FEWER_ITERATIONS,
    EVERYWHERE,
    BEFORE_ACTIVATION,
    KEEPS_UNSATURATED,
    *batch_norm_mechanism.HUNCHES,
    *batch_norm_rates.HUNCHES,
    *norms.HUNCHES,
)
