"""Hunches about dropout.

The figures quoted under `holds` and `fails` are those of the sources named there. `keep` is the probability to keep a
unit; PyTorch's `nn.Dropout(p)` has p = 1 - keep.
"""

from __future__ import annotations

from hunch.catalogue.hunch import Hunch, Quick, Regime
from hunch.plan import Arm, Claim, lower, lower_cost, same

# Small batches and given budgets keep a quick test within a minute, and all regimes comparable.
BASE = Arm("base", optimizer="sgd", batch_size=32)
BUDGET = 1000

ALL, LIGHT, HALF = (Arm(f"keep-{keep:g}", keep_prob=keep) for keep in (1.0, 0.8, 0.5))
DOSED = ("keep-0.8", "keep-0.5")
TENTH = 0.01  # of held-out cost: about a tenth of what a wide network has left on the digits
HELPS = tuple(lower("held_out_cost", arm, than="keep-1", margin=TENTH) for arm in DOSED)
HURTS = tuple(lower("held_out_cost", "keep-1", than=arm, margin=TENTH) for arm in DOSED)

NEEDS_WIDTH = Hunch(
    name="dropout-needs-width",
    statement="Dropout helps wide layers and hurts narrow ones.",
    source=(
        "The learner's post of 2017 with which this catalogue starts: with few units it is very hard to hit the right "
        "keep probability. Srivastava et al. 2014 (JMLR 15) advise n/p units at keep probability p where n would do "
        "without dropout."
    ),
    holds=(
        "The number of kept units has the relative spread sqrt((1 - p)/(np)), so what many units carry together is "
        "disturbed less than what a few do. On MNIST with 2,048 units a layer keep probabilities from 0.4 to 0.8 did "
        "equally well (Srivastava et al., section 7.3)."
    ),
    fails=(
        "Width alone does not decide it. Sun et al. 2021 (arXiv 2108.06628) trained 2,000 random pairs of width and "
        "rate on three data sets and found no simple rule. It takes the right amount of data as well: with 100 and 500 "
        "examples dropout gained nothing, and with very many its gain declined (Srivastava et al., section 7.4)."
    ),
    arms=(ALL, LIGHT, HALF),
    claims=HELPS,
    base=BASE,
    seeds=60,
    budget=BUDGET,
    mechanism=("inactive", "gradient_norm", "update_weight"),
    regimes=(
        Regime(name="12 units", widths=(64, 12, 10), activation="relu", claims=HURTS),
        Regime(name="200 units", widths=(64, 200, 10), activation="relu", claims=HELPS),
    ),
    quick=Quick(seeds=12),
)

UNITS = ("10.5/12", "11/12", "11.5/12")
KINDS = ("bernoulli", "gaussian", "exact")
# Less than what one unit less costs there, or "the same" would say nothing: on the digits, of 12 units, about 0.01 of
# held-out and 0.03 of training cost.
FINE, FINE_COST = 0.005, 0.007


def _keep(units: str) -> float:
    return float(units.removesuffix("/12")) / 12


def _halfway(outcome: str, middle: str, low: str, high: str, margin: float) -> Claim:
    """That a dose lies halfway between two others, as it must where the dose is a continuous quantity."""
    return Claim("same", outcome, ((middle, -1.0), (low, 0.5), (high, 0.5)), margin)


IS_QUANTISED = Hunch(
    name="dropout-is-quantised",
    statement="Dropout in a 12-unit layer is quantised: 12 units can become 11, never 11.x.",
    source=(
        "The learner's post of 2017 with which this catalogue starts: dropout is a quantised technique, and therefore "
        "hard to tune where there are few units."
    ),
    holds=(
        "For the mask of one example, which keeps a whole number of units; and for dropout that keeps a fixed number "
        "of them (here exact; Ko et al. 2017 call it controlled dropout), of which a 12-unit layer has twelve doses."
    ),
    fails=(
        "The keep probability is continuous. A 12-unit layer at keep 11/12 keeps exactly 11 units in 38 % of the masks "
        "only, its expected number takes any value (11.5 at keep 0.958), and the expected cost over masks is a "
        "polynomial in the keep probability. Noise that is continuous itself, Gaussian of equal variance, did as well "
        "in Srivastava et al. 2014 (section 10; MNIST error 0.95 against 1.08 %, CIFAR-10 12.5 against 12.6 %)."
    ),
    arms=(
        Arm("none", keep_prob=1.0),
        *(Arm(f"{kind}@{n}", keep_prob=_keep(n), dropout=kind) for n in UNITS for kind in KINDS),
    ),
    claims=(
        *(
            same(f"{kind}@{n}", f"bernoulli@{n}", of="held_out_cost", margin=FINE)
            for kind in KINDS[1:]
            for n in UNITS
        ),
        same("gaussian@11/12", "bernoulli@11/12", of="gap", margin=FINE),
        _halfway("held_out_cost", "bernoulli@11.5/12", "bernoulli@11/12", "none", FINE),
        _halfway("held_out_cost", "bernoulli@11/12", "bernoulli@10.5/12", "bernoulli@11.5/12", FINE),
        _halfway("cost", "bernoulli@11.5/12", "bernoulli@11/12", "none", FINE_COST),
    ),
    base=BASE,
    seeds=640,
    budget=BUDGET,
    # At one rate the arms differ in their noise alone; how lucky each arm's own rate is would hide small differences.
    tuning="shared",
    mechanism=("inactive", "gradient_norm", "update_weight"),
    regimes=(Regime(name="12 units", widths=(64, 12, 10), activation="relu"),),
    predicts="refuted",
    # Small differences take many seeds, and these runs are cheap.
    quick=Quick(seeds=160),
)

WIDTHS = (12, 16, 24)
SAME = 0.02  # of held-out cost: a tenth of what half of the units are worth on the digits
MORE_KEPT = (lower("held_out_cost", "12-kept", than="6-kept", margin=SAME),)

SAME_EXPECTED_UNITS = Hunch(
    name="same-expected-units-same-result",
    statement="What counts is the expected number of kept units: 24 units at keep 0.5 do what 12 units do.",
    source=(
        "Srivastava et al. 2014 (JMLR 15) advise n/p units at keep probability p where n would do without dropout. The "
        'caffenet-benchmark (ducha-aiki, Regularization.md) puts it to the test as "same effective neurons = same '
        'performance".'
    ),
    holds=(
        "In part: with the expected number held fixed a keep probability of 0.1 did much less harm than with the width "
        "held fixed (MNIST error 1.7 against 2.7 %; Srivastava et al., section 7.3)."
    ),
    fails=(
        "In that benchmark (CaffeNet, ImageNet, single runs) 1,433 expected units reached .456 as 1,433 units without "
        "dropout, .497 as 2,048 at keep 0.7, .465 as 4,096 at keep 0.35 and .447 as 6,144 at keep 0.23: the noise "
        "counts beside the number."
    ),
    base=BASE,
    seeds=320,
    budget=BUDGET,
    tuning="shared",
    mechanism=("inactive", "gradient_norm", "update_weight"),
    regimes=tuple(
        Regime(
            name=f"{n} units",
            widths=(64, n, 10),
            activation="relu",
            arms=tuple(Arm(f"{kept}-kept", keep_prob=kept / n) for kept in (12, 6)),
            claims=MORE_KEPT,
        )
        for n in WIDTHS
    ),
    across=tuple(
        same(f"{n} units: {kept}-kept", f"12 units: {kept}-kept", of="held_out_cost", margin=SAME)
        for kept in (12, 6)
        for n in WIDTHS[1:]
    ),
    quick=Quick(seeds=80),
)

NEVER, ALWAYS = Arm("never", keep_prob=1.0), Arm("always", keep_prob=0.9, keep_until=1.0)
EARLY = Arm("early", keep_prob=0.9, keep_until=0.2)  # a fifth of the budget with dropout, the rest without

EARLY_LOWERS_COST = Hunch(
    name="early-dropout-lowers-training-cost",
    statement="Dropout in the first part of training only lowers the training cost at the end.",
    source=(
        "Liu et al. 2023 (arXiv 2303.01500), of models that underfit, dropped at 0.1, as here: early dropout makes the "
        "gradients of different batches point more in one direction."
    ),
    holds=(
        "In models too small for their data, which fit the training part badly: what dropout takes from them while it "
        "is on they can win back afterwards."
    ),
    fails=(
        "In models that fit the training part anyway there is no cost left to lower; for those that overfit the same "
        "paper recommends dropout late, not early. And while dropout is on, it costs: kept on to the end it leaves "
        "small keep probabilities with more training cost, not less (Srivastava et al. 2014, section 7.3)."
    ),
    arms=(NEVER, EARLY, ALWAYS),
    claims=(
        lower_cost("early", than="never", margin=0.005),
        lower_cost("early", than="always", margin=0.005),
    ),
    base=BASE,
    seeds=60,
    budget=BUDGET,
    mechanism=("gradient_norm", "update_weight", "inactive"),
    regimes=(
        Regime(name="12 units a layer", widths=(64, 12, 12, 10), activation="relu"),
        Regime(name="100 units a layer", widths=(64, 100, 100, 10), activation="relu"),
    ),
    quick=Quick(seeds=12),
)

BATCH, PLAIN = Arm("batch", norm="batch", norm_at="before_activation"), Arm("plain", norm="none")
HALVED = tuple(
    Arm(f"{norm.name}{text}", keep_prob=keep).over(norm)
    for norm in (BATCH, PLAIN)
    for keep, text in ((1.0, ""), (0.5, ", keep 0.5"))
)
# Half of one of two layers: of the first, which a batch norm follows, or of the last, which none follows.
PLACED = tuple(
    Arm(f"{norm.name}, {text}", keep_prob={site: 0.5}).over(norm)
    for norm in (BATCH, PLAIN)
    for site, text in (("0", "first layer"), ("2", "last layer"))
)
IN_BETWEEN = 0.02  # of training cost, judged in eval mode, in which batch norm uses what it has stored


def _more_with_batch_norm(more: str, less: str) -> Claim:
    """That one arm costs more than another with batch norm, beyond what it costs more without."""
    weights = (
        (f"batch{more}", 1.0), (f"batch{less}", -1.0), (f"plain{more}", -1.0), (f"plain{less}", 1.0),
    )  # fmt: skip
    return Claim("more", "cost", weights, IN_BETWEEN)


SHIFTS_VARIANCE = Hunch(
    name="dropout-shifts-batch-norms-variance",
    statement=(
        "Dropout before batch norm shifts the variance: what batch norm stores in training does not fit the network "
        "that is evaluated."
    ),
    source=(
        "Li et al. 2018 (arXiv 1801.05134): with dropout of 0.5 in each bottleneck a DenseNet fell from 77.42 to "
        "68.55 % on CIFAR-100."
    ),
    holds=(
        "By arithmetic: in training only, dropout at keep p multiplies the variance of units with mean 0 by 1/p; "
        "behind a rectifier of standard normal values by 2.47 at keep 0.5, at most, and by 1.16 at keep 0.9. Most of "
        "all in narrow layers."
    ),
    fails=(
        "In wide layers whose units vary together the shift tends to nothing, which is how wide residual networks bear "
        "dropout. Where no batch norm follows the dropout there is none: so here dropout of the first layer is "
        "compared with dropout of the last, beyond what the place costs without batch norm. A shift that costs nothing "
        "is not seen that way."
    ),
    arms=HALVED,
    claims=(_more_with_batch_norm(", keep 0.5", ""),),
    base=BASE,
    seeds=40,
    budget=BUDGET,
    mechanism=("preactivation_spread", "inactive", "gradient_norm"),
    regimes=tuple(
        Regime(
            name=f"{n} units a layer",
            widths=(64, n, n, 10),
            activation="relu",
            arms=PLACED,
            claims=(_more_with_batch_norm(", first layer", ", last layer"),),
        )
        for n in (20, 100)
    ),
    # A first plan took layer norm for what stores nothing; but layer norm is hurt by dropout itself (at 20 units, keep
    # 0.5, ten seeds, far more than batch norm). Another study seed, because that result had been seen.
    seed=1,
    quick=Quick(seeds=10, budget=500),
)

HUNCHES = (NEEDS_WIDTH, IS_QUANTISED, SAME_EXPECTED_UNITS, EARLY_LOWERS_COST, SHIFTS_VARIANCE)
