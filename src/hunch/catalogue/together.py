"""Hunches about batch norm, dropout and L2 together.

The figures quoted under `holds` and `fails` are those of the sources named there; `keep` is the probability to keep a
unit.
"""

from __future__ import annotations

from hunch.catalogue.hunch import Hunch, Quick, Regime
from hunch.plan import Arm, contrast, lower

BASE = Arm("base", optimizer="sgd", batch_size=32)
BUDGET = 1000
TENTH = 0.01  # of held-out cost: about a tenth of what such networks have left on the digits
KEEPS = (1.0, 0.8, 0.5)

WITH_NORM = tuple(
    Arm(f"bn@{keep:g}", norm="batch", norm_at="before_activation", keep_prob=keep) for keep in KEEPS
)
PLAIN = tuple(Arm(f"plain@{keep:g}", norm="none", keep_prob=keep) for keep in KEEPS)

MIDDLE = Regime(name="50 units a layer", widths=(64, 50, 50, 10), activation="relu")
WIDE = Regime(name="200 units a layer", widths=(64, 200, 200, 10), activation="relu")

LIGHTER_DOSE = Hunch(
    name="batch-norm-needs-lighter-dropout",
    statement="With batch norm a lighter dose of dropout is enough.",
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167): with batch norm dropout can be removed or reduced in strength; their "
        "ensemble dropped 5 to 10 %."
    ),
    holds=(
        "In the CaffeNet benchmark (ducha-aiki, ImageNet, batch norm after the activation, single runs) keep 0.8 "
        "reached .527, more than no dropout (.513), and both more than keep 0.5 (.499)."
    ),
    fails=(
        "A lighter dose may be the better one without batch norm too: in the same benchmark, without it, keep 0.7 "
        "reached .497 and keep 0.5 .471. The last claim therefore compares the step from keep 0.8 to keep 0.5 with and "
        "without batch norm."
    ),
    arms=(*WITH_NORM, *PLAIN[1:]),
    claims=(
        lower("held_out_cost", "bn@0.8", than="bn@1", margin=TENTH),
        lower("held_out_cost", "bn@0.8", than="bn@0.5", margin=TENTH),
        contrast("held_out_cost", {"bn@0.5": 1, "bn@0.8": -1, "plain@0.5": -1, "plain@0.8": 1}, margin=TENTH),
    ),
    base=BASE,
    seeds=40,
    budget=BUDGET,
    mechanism=("inactive", "gradient_norm", "update_weight_relative"),
    regimes=(MIDDLE, WIDE),
    quick=Quick(seeds=10, regimes=(MIDDLE.name,)),
)

UNNECESSARY = Hunch(
    name="batch-norm-makes-dropout-unnecessary",
    statement="Batch norm makes dropout unnecessary: with batch norm, dropout no longer lowers the held-out cost.",
    source=(
        "Ioffe & Szegedy 2015 (arXiv 1502.03167) removed dropout from the networks that they trained with batch norm, "
        "among other changes."
    ),
    holds=(
        "Batch norm regularises by itself: the noise of its batch statistics acts like a penalty, the stronger the "
        "smaller the batch (Luo et al. 2018, arXiv 1809.00846). And dropout before batch norm disturbs what batch norm "
        "stores (Li et al. 2018, arXiv 1801.05134)."
    ),
    fails=(
        "A light dose may still help: in the CaffeNet benchmark (ducha-aiki, ImageNet, single runs) batch norm reached "
        ".513 without dropout and .527 with keep 0.8. Chen et al. 2019 (arXiv 1905.05928) put both before every layer "
        "on purpose."
    ),
    arms=WITH_NORM,
    claims=tuple(lower("held_out_cost", arm.name, than="bn@1", margin=TENTH) for arm in WITH_NORM[1:]),
    base=BASE,
    seeds=40,
    budget=BUDGET,
    mechanism=("inactive", "gradient_norm", "update_weight_relative"),
    regimes=(
        Regime(name="relu", widths=(64, 100, 100, 10), activation="relu"),
        Regime(name="sigmoid", widths=(64, 100, 100, 10), activation="sigmoid"),
    ),
    predicts="not supported",
    quick=Quick(seeds=10, budget=500),
)

BEAT_EITHER = Hunch(
    name="dropout-and-l2-beat-either",
    statement="Dropout and L2 together leave a lower held-out cost than either alone.",
    source=(
        "Srivastava et al. 2014 (JMLR 15, table 9), on MNIST with 1,024-1,024-2,048 rectified units: L2 alone had an "
        "error of 1.62 %, dropout with L2 1.25 %."
    ),
    holds=(
        "Where a network overfits more than one dose of either takes away. In that table each method had its doses "
        "chosen on a validation set; here both are fixed beforehand, at keep 0.8 and λ = 0.001."
    ),
    fails=(
        "That table has no dropout alone, so it does not say what L2 adds to it; dropout with a bound on the weights "
        "did better than with L2 (1.05 %). In linear regression dropout of the inputs is L2 exactly, so there the two "
        "together are only a larger dose of one. In narrow layers both take capacity away."
    ),
    arms=(
        Arm("none", keep_prob=1.0, l2=0.0),
        Arm("dropout", keep_prob=0.8, l2=0.0),
        Arm("l2", keep_prob=1.0, l2=0.001),
        Arm("both", keep_prob=0.8, l2=0.001),
    ),
    claims=tuple(lower("held_out_cost", "both", than=one, margin=TENTH) for one in ("dropout", "l2")),
    base=BASE,
    seeds=40,
    budget=BUDGET,
    mechanism=("inactive", "gradient_norm", "update_weight_relative"),
    regimes=(MIDDLE, WIDE),
    quick=Quick(seeds=10, regimes=(MIDDLE.name,)),
)

HUNCHES = (LIGHTER_DOSE, UNNECESSARY, BEAT_EITHER)
