"""Hunches about L2."""

from __future__ import annotations

from hunch.catalogue.hunch import Finer, Hunch, Regime
from hunch.plan import Arm

TUNES_FINER = Hunch(
    name="l2-tunes-finer-than-dropout",
    statement="L2 can be tuned more finely than dropout, because λ is continuous.",
    source=(
        "The learner's post of 2017 with which this catalogue starts: dropout is quantised, while L2 is tuned "
        "continuously through λ."
    ),
    holds=(
        "Not because of what is continuous. Where it holds it is because runs under dropout scatter more over seeds, "
        "most of all in narrow layers, where the number of kept units has the largest relative spread: scatter hides "
        "what neighbouring doses do."
    ),
    fails=(
        "The keep probability is as continuous as λ. In linear regression dropping inputs is ridge exactly, keep p "
        "being λ = N(1 - p)/p for N standardised examples, so there the two are one knob; in generalised linear models "
        "to first order (Wager, Wang & Liang 2013, arXiv 1307.1493). Concrete dropout (Gal, Hron & Kendall 2017) "
        "learns the keep probability by gradient."
    ),
    base=Arm("base", optimizer="sgd", batch_size=32),
    seeds=60,
    budget=800,
    # One rate for all doses: else the luck of each dose's own rate is most of what scatters.
    tuning="shared",
    regimes=tuple(Regime(name=f"{n} units", widths=(64, n, 10), activation="relu") for n in (12, 50, 200)),
    finer=Finer(knob="l2", than="keep_prob"),
)

HUNCHES = (TUNES_FINER,)
