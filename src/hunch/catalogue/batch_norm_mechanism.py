"""Hunches about what batch norm does inside the layers: updates, what comes back, and how gradients change.

The figures quoted under `holds` and `fails` are those of the sources named there. Margins of readings are about a tenth
of what the network without batch norm showed in studies of seed 1000, which no test of the catalogue uses.
"""

from __future__ import annotations

from dataclasses import replace

from hunch.catalogue.hunch import Hunch, Quick, Regime
from hunch.plan import Arm, faster, higher, lower

BASE = Arm("base", optimizer="sgd", batch_size=32)
WIDTHS = (64, 64, 64, 64, 10)

NONE = Arm("none", norm="none")
BEFORE = Arm("before", norm="batch", norm_at="before_activation")
AFTER = Arm("after", norm="batch", norm_at="after_activation")

LARGER_UPDATES = Hunch(
    name="bn-larger-updates",
    statement="Batch norm makes the updates of weights and biases larger.",
    source=(
        "The learner's post of 2017 with which this catalogue starts: backprop updates well only if delta weight and "
        "delta bias are large enough, which batch norm sees to by keeping the activation where its slope is not almost "
        "zero."
    ),
    holds=(
        "For sigmoid units, whose mean slope falls from .207 for inputs of standard deviation 1 to .039 for 10: less "
        "comes back through them. What batch norm does to larger rates makes updates larger as well."
    ),
    fails=(
        "The gradient of weights in front of batch norm is divided by their scale, so from large weights it is smaller "
        "(Ioffe & Szegedy 2015, section 3.3). The bias in front of batch norm is not updated at all, because the norm "
        "cancels it; what shifts instead is the norm's β, and that is what is measured here. And larger is not "
        "better: an arm that has learned has small gradients."
    ),
    arms=(NONE, BEFORE),
    claims=(
        higher("update_weight", "before", than="none", margin=0.01),
        higher("update_shift", "before", than="none", margin=0.005),
    ),
    base=BASE,
    seeds=40,
    # The first iterations only: later on, the arm that has learned less has the larger gradients.
    budget=200,
    mechanism=("update_weight", "update_shift", "gradient_norm", "slope"),
    regimes=tuple(
        Regime(name=f"{activation} at {rates}", widths=WIDTHS, activation=activation, tuning=tuning)
        for activation in ("sigmoid", "relu")
        for rates, tuning in (("one rate", "shared"), ("own rates", None))
    ),
    quick=Quick(seeds=10, tuning="once"),
)

RATIO = (
    1.25  # of iterations: a quarter fewer is the least that pays for a layer that makes an iteration dearer
)
GROWTH = 0.1  # of the log of what a gradient gains per layer: ten per cent a layer
SLOPE = 0.05  # of the slope relative to its maximum

AFTER_NO_HELP = Hunch(
    name="bn-after-no-help-to-backprop",
    statement="Batch norm after the activation does not help backprop.",
    source=(
        "The learner's post of 2017 with which this catalogue starts: what counts is that the activation works where "
        "its slope is not almost zero, and a norm after it comes too late for that."
    ),
    holds=(
        "Where initial weights are so large that bounded units are saturated from the start: a norm after the "
        "activation leaves what the activation receives as spread out as the weights make it."
    ),
    fails=(
        "It normalises what the next layer receives, and with weights of ordinary size that is enough. In the "
        "caffenet-benchmark (ImageNet, single runs) batch norm after the activation reached .475 with sigmoid units, "
        "and with tanh .448 against .401 without it; with ReLU .499 against .471."
    ),
    arms=(NONE, AFTER),
    # Help would be fewer iterations, more of the gradient in the early layers, and a larger slope.
    claims=(
        faster("after", than="none", margin=RATIO),
        higher("gradient_growth", "after", than="none", margin=GROWTH),
        higher("slope", "after", than="none", margin=SLOPE),
    ),
    predicts="not supported",
    base=BASE,
    seeds=40,
    budget=600,
    mechanism=("slope", "saturated", "gradient_norm", "preactivation_spread", "update_weight"),
    regimes=(
        *(
            Regime(
                name=f"sigmoid from {size} weights",
                widths=WIDTHS,
                activation="sigmoid",
                base=Arm("base", optimizer="sgd", batch_size=32, init_std=spread),
            )
            for size, spread in (("small", 0.1), ("large", 2.0))
        ),
        Regime(name="relu", widths=WIDTHS, activation="relu"),
    ),
    quick=Quick(seeds=10, budget=400, tuning="once"),
)

# Layers of one width, so that their gradients are comparable, and weights that neither shrink nor grow what passes a
# ReLU layer without a norm: variance 2/64.
HE = 0.177
FIRST_STEP = Arm("base", optimizer="sgd", batch_size=128, lr=0.1)

AMPLIFIES = Hunch(
    name="bn-amplifies-gradients",
    statement="Batch norm makes gradients grow from layer to layer on their way back when training starts.",
    source=(
        "Yang et al. 2019 (arXiv 1902.08129): batch normalization itself is the cause of gradient explosion. For ReLU "
        "and large batches the gradient's length is multiplied by 1.211 a layer."
    ),
    holds=(
        "Before the first update, in plain stacks of layers without skips; exponentially with depth, so that what is "
        "21 % a layer is a factor of hundreds over thirty layers."
    ),
    fails=(
        "With linear activations hardly at all, and less the nearer a network is to being linear; after one step of "
        "training the range of the gradients falls dramatically (Yang et al. 2019). Skips bypass it."
    ),
    arms=(NONE, BEFORE, AFTER),
    claims=tuple(higher("gradient_growth", arm, than="none", margin=0.05) for arm in ("before", "after")),
    # One update, whose gradient is that of the initial weights: no rate matters to it. One's own network keeps its own.
    base=FIRST_STEP,
    tuning="none",
    seeds=60,
    budget=1,
    mechanism=("gradient_norm", "preactivation_spread", "slope"),
    regimes=tuple(
        Regime(
            name=f"{depth} layers",
            widths=(64, *(64,) * depth, 10),
            activation="relu",
            base=replace(FIRST_STEP, init_std=HE),
        )
        for depth in (5, 10, 20)
    ),
    quick=Quick(seeds=12),
)

# One rate for both arms, or the arms would be asked about steps of different lengths; and networks that both arms can
# learn at that rate, because one that stands still has predictable gradients. In the first run of this plan the sigmoid
# network had three layers and torch's own weights, and without batch norm it did stand still: hence another study seed.
AT_A_TENTH = Arm("base", optimizer="sgd", batch_size=32, lr=0.1)
AT_ONE = Arm("base", optimizer="sgd", batch_size=32, lr=1.0, init_std=0.125)

PREDICTABLE = Hunch(
    name="bn-predictable-gradients",
    statement="Batch norm makes gradients predictable: over a step along the gradient they change less.",
    source=(
        "Santurkar et al. 2018 (arXiv 1805.11604), who hold this to be why batch norm helps: cost and gradients vary "
        "less along the gradient's direction. They found the internal covariate shift, which batch norm was made to "
        "reduce, often larger with it."
    ),
    holds="In the networks of that paper, where the change was measured as a length, not relative to the gradient's.",
    fails=(
        "A length is measured in the gradient's own unit, and the two networks have gradients of different lengths; "
        "relative to that length, and in direction, it may come out otherwise. A network that stands still has "
        "predictable gradients too. And batch norm makes the first gradients of deep networks grow (Yang et al. 2019, "
        "arXiv 1902.08129)."
    ),
    arms=(NONE, BEFORE),
    claims=(
        lower("gradient_change", "before", than="none", margin=0.05),
        lower("gradient_predictiveness", "before", than="none", margin=0.05),
        higher("gradient_cosine", "before", than="none", margin=0.05),
    ),
    base=AT_A_TENTH,
    tuning="none",
    seeds=30,
    seed=1,
    budget=600,
    mechanism=("gradient_norm", "gradient_predictiveness", "gradient_cosine", "update_weight_relative"),
    regimes=(
        Regime(name="two relu layers", widths=(64, 64, 64, 10), activation="relu"),
        Regime(name="three relu layers", widths=WIDTHS, activation="relu"),
        Regime(name="two sigmoid layers", widths=(64, 64, 64, 10), activation="sigmoid", base=AT_ONE),
    ),
    quick=Quick(seeds=9, budget=300),
)

HUNCHES = (LARGER_UPDATES, AFTER_NO_HELP, AMPLIFIES, PREDICTABLE)
