"""Hunches about the other norms.

The figures quoted under `holds` and `fails` are those of the sources named there.
"""

from __future__ import annotations

from hunch.catalogue.hunch import Hunch, Quick, Regime
from hunch.plan import Arm, faster

WIDTHS = (64, 64, 64, 64, 10)  # group norm makes eight groups of eight units of 64

ARMS = tuple(Arm(norm, norm=norm, norm_at="before_activation") for norm in ("batch", "layer", "rms", "group"))
RATIO = 1.25  # of iterations: what is as good to a quarter is as good for whoever has to choose

# What does better does as well, so it is asked whether batch norm is faster, and predicted that it is not. The first
# run of this plan asked whether they are the same; hence another study seed.
BATCH_FASTER = tuple(faster("batch", than=arm.name, margin=RATIO) for arm in ARMS[1:])

AS_GOOD = Hunch(
    name="norm-others-as-good",
    statement="Layer norm, RMS norm and group norm do as well as batch norm.",
    source=(
        "Santurkar et al. 2018 (arXiv 1805.11604): normalising by other lengths, with no control of the distribution, "
        "helped a deep linear network as much or more. Wu & He 2018 (arXiv 1803.08494) put group norm in its place "
        "where batches are small."
    ),
    holds=(
        "Where what helps is that the scale of the weights no longer matters, for that is common to all of them; and "
        "where batches are small, because the others look at one example at a time: with 2 images a worker batch "
        "norm's error on ImageNet was 10.6 points above group norm's (Wu & He 2018)."
    ),
    fails=(
        "Norms over the units of one example take away how strong that example was as a whole, which batch norm keeps. "
        "In narrow layers they are noisy: of two units layer norm leaves the sign of their difference. And their "
        "statistics carry no noise from the batch, so they do not regularise by it."
    ),
    arms=ARMS,
    claims=BATCH_FASTER,
    predicts="not supported",
    base=Arm("base", optimizer="sgd", batch_size=32),
    seeds=40,
    seed=1,
    budget=600,
    mechanism=("slope", "gradient_norm", "update_weight_relative", "preactivation_spread"),
    regimes=(
        Regime(name="relu", widths=WIDTHS, activation="relu"),
        Regime(name="sigmoid", widths=WIDTHS, activation="sigmoid"),
        Regime(
            name="relu in batches of 4",
            widths=WIDTHS,
            activation="relu",
            base=Arm("base", optimizer="sgd", batch_size=4),
        ),
    ),
    quick=Quick(seeds=10, budget=400, tuning="once"),
)

HUNCHES = (AS_GOOD,)
