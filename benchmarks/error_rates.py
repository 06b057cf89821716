"""The rates that docs/validation.md shows and tests/stats asserts: how often verdicts are wrong, by simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.simulated_studies import LOOKS, Cell, Studies, make, make_family
from hunch.stats import (
    Decision,
    Paths,
    bets_won,
    decide_paths,
    log_price,
    mixture_interval,
    new_examples_interval,
    paired_interval,
    pseudo_values,
    t_interval,
    two_intervals,
)

ALPHA = 0.05
SHAPES = ("lognormal", "weibull", "gamma")
CENSORED, CORRELATED = (0.0, 0.2, 0.5), (0.0, 0.5, 0.9)
EQUAL, UNEQUAL = [(s, s) for s in SHAPES], list(itertools.combinations(SHAPES, 2))
QUESTIONS = ((0.0, 0.1), (0.0, 0.5), (0.25, 0.5), (0.5, 0.5), (0.8, 0.5))
"""(true effect, margin), both in standard deviations of the difference."""

LOSSES = ((10, 1.0, ALPHA), (40, 1.0, ALPHA), (40, 1.5, 2 * ALPHA), (40, 2.0, None))
"""(seeds, spread of the log of the examples' losses, limit for new examples)."""

BOTH_WAYS = (*QUESTIONS, (-0.25, 0.5), (-0.5, 0.5))


AGAIN = "lognormal against weibull, 50% censored, alpha / 6, correlation 0.9, effect 0: ten times the studies"


@dataclass(frozen=True)
class Row:
    """One measured rate.

    Args:
        what: What was simulated.
        rate: What was counted, as a share of the studies.
        n: Studies.
        limit: What the rate may be; None: printed, not promised.
        alpha: What it would be if all were ideal.
    """

    what: str
    rate: float
    n: int
    limit: float | None = None
    alpha: float = ALPHA

    @property
    def error(self) -> float:
        """Monte-Carlo standard error at the limit."""
        p = min(max(self.rate if self.limit is None else self.limit, 1 / self.n), 1 - 1 / self.n)
        return math.sqrt(p * (1 - p) / self.n)

    @property
    def is_kept(self) -> bool:
        """Whether the rate is within its limit, give or take three Monte-Carlo errors."""
        return self.limit is None or self.rate <= self.limit + 3 * self.error


def wrong(found: Paths, truth: float, margin: float) -> float:
    """Share of the studies whose verdict is false, whatever it is; a verdict about a limit case is false."""
    tiny = 1e-3 * margin  # what the placing of the arms leaves over
    false = []
    if truth <= tiny:
        false.append(Decision.SUPPORTED)
    if truth >= -tiny:
        false.append(Decision.REFUTED)
    if abs(truth) >= margin - tiny:
        false.append(Decision.NO_MEANINGFUL_DIFFERENCE)
    return found.share(*false)


def judged(studies: Studies, margin: float, looks: tuple[int, ...] = LOOKS, alpha: float = ALPHA) -> Paths:
    """The verdicts on simulated studies, the margin in standard deviations."""
    return decide_paths(studies.d, margin=margin * studies.spread, alpha=alpha, looks=looks,
                        can_be_equal=studies.can_be_equal)  # fmt: skip


def rate(cell: Cell, margin: float, n: int, looks: tuple[int, ...] = LOOKS, alpha: float = ALPHA) -> float:
    """Rate of wrong verdicts in one cell; the seed is the cell's own."""
    key = [ord(c) for c in f"{cell}{margin}{looks}{alpha}"]
    studies = make(cell, n, np.random.default_rng(key), looks)
    return wrong(judged(studies, margin, looks, alpha), studies.truth, margin * studies.spread)


def gaussian(n: int, n_pairs: int, effect: float = 0.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(effect, 1.0, (n, n_pairs))


def stopping(n: int) -> Iterator[Row]:
    """Arms that differ in nothing, Gaussian differences, and people who stop when it looks best."""
    d = gaussian(n, 80)
    for looks in ((10, 20, 40, 80), (5, 10, 20, 40), (10, 20), (20,)):
        for alpha in (ALPHA, ALPHA / 6):
            found = decide_paths(d[:, : looks[-1]], margin=1e-9, alpha=alpha, looks=looks, give_up=False)
            told = found.share(Decision.SUPPORTED, Decision.REFUTED)
            yield Row(f"planned looks {looks}, alpha {alpha:.4f}, stop at the best look", told, n, alpha)
    rng = np.random.default_rng(11)
    size = (n // 5, 80)
    for shape, x in (
        ("a coin, ±1", rng.choice([-1.0, 1.0], size)),
        ("Cauchy", rng.standard_cauchy(size)),
        ("nine in ten are 0", rng.normal(size=size) * (rng.random(size) < 0.1)),
        ("spread drawn anew for every block", rng.normal(size=size) * rng.lognormal(0, 1, size)),
    ):
        found = decide_paths(x, margin=1e-9, looks=LOOKS, give_up=False)
        told = found.share(Decision.SUPPORTED, Decision.REFUTED)
        yield Row(f"planned looks {LOOKS}, {shape}, stop at the best look", told, len(x), ALPHA)
    any_time = np.zeros(n, dtype=bool)
    for k in range(5, 81):
        low, high = mixture_interval(d[:, :k], ALPHA)
        any_time |= (low > 0) | (high < 0)
    yield Row("anytime, a look after every pair, stop at the best", float(any_time.mean()), n, ALPHA)
    few = d[: max(200, n // 5)]
    yield Row("robust, likewise, bounds ±5", bet_away(np.clip(few, -5, 5), -5, 5, 0.0), len(few), ALPHA)
    naive = np.zeros(n, dtype=bool)
    for k in range(5, 81):
        low, high = t_interval(d[:, :k], ALPHA)
        naive |= (low > 0) | (high < 0)
    yield Row(
        "for comparison: a plain t test after every pair, stop at the best", float(naive.mean()), n, None, 1.0
    )


def bet_away(d: np.ndarray, low: float, high: float, mean: float) -> float:
    """Share of the studies in which bets refute the true mean at any time at all."""
    up, down = bets_won(d, low, high, mean)
    return float(((up >= log_price(ALPHA)) | (down >= log_price(ALPHA))).any(axis=-1).mean())


def cells(pairs: Iterable[tuple[str, str]], censored: Iterable[float] = CENSORED) -> list[Cell]:
    return [Cell(*pair, r, c) for pair, c, r in itertools.product(pairs, censored, CORRELATED)]


def at(cell: Cell, effect: float) -> Cell:
    return Cell(cell.first, cell.second, cell.correlation, cell.censored, effect)


def name(pair: tuple[str, str]) -> str:
    return pair[0] if pair[0] == pair[1] else f"{pair[0]} against {pair[1]}"


def worst(
    group: Iterable[Cell],
    questions: Iterable[tuple[float, float]],
    n: int,
    looks: tuple[int, ...] = LOOKS,
    alpha: float = ALPHA,
) -> tuple[float, str]:
    """The highest rate of a group of cells, and where it is."""
    found = [(rate(at(c, e), m, n, looks, alpha), c, e, m) for c in group for e, m in questions]
    high, cell, effect, margin = max(found, key=lambda one: one[0])
    return high, f"correlation {cell.correlation:g}, effect {effect:g}, margin {margin:g}"


def shapes(pairs: list[tuple[str, str]], questions: Iterable[tuple[float, float]], n: int, limit: float | None,
           censored: Iterable[float] = CENSORED) -> Iterator[Row]:  # fmt: skip
    """The worst rate of each pair of shapes and each censoring."""
    for pair, share in itertools.product(pairs, censored):
        high, where = worst(cells([pair], [share]), questions, n)
        yield Row(f"{name(pair)}, {share:.0%} censored; worst: {where}", high, n, limit)


def equal_shapes(n: int) -> Iterator[Row]:
    """Arms of equal shape, the second one stretched."""
    return shapes(EQUAL, QUESTIONS, n, ALPHA)


def unequal_shapes(n: int) -> Iterator[Row]:
    """Arms of unequal shape, both ways round."""
    return shapes(UNEQUAL, BOTH_WAYS, n, 2 * ALPHA)


def stuck(n: int) -> Iterator[Row]:
    """15 % of the runs of one arm, or of both, take five times as long: not promised."""
    return shapes([("steady", "stuck"), ("stuck", "stuck")], BOTH_WAYS, n, None)


def other_looks(n: int) -> Iterator[Row]:
    """Smaller studies and several claims: the worst cell of all."""
    for looks, alpha in (((5, 10, 20, 40), ALPHA), ((5, 10, 20), ALPHA), ((20,), ALPHA), ((10,), ALPHA),
                         (LOOKS, ALPHA / 6)):  # fmt: skip
        for kind, pairs, factor in (("equal", EQUAL, 1), ("unequal", UNEQUAL, 2)):
            found = [(*worst(cells([pair], [share]), [(0.0, 0.1), (0.5, 0.5)], n, looks, alpha), pair, share)
                     for pair, share in itertools.product(pairs, CENSORED)]  # fmt: skip
            high, where, pair, share = max(found)
            there = f"{name(pair)}, {share:.0%} censored, {where}"
            what = f"{kind} shapes, looks {looks}, alpha {alpha:.4f}; worst: {there}"
            yield Row(what, high, n, factor * alpha, alpha)
    hard = Cell("lognormal", "weibull", 0.9, 0.5)
    again = rate(hard, 0.1, 10 * n, LOOKS, ALPHA / 6)
    yield Row(AGAIN, again, 10 * n, 2 * ALPHA / 6, ALPHA / 6)


def anytime(n: int) -> Iterator[Row]:
    """The confidence sequence beyond what it promises: stopped at the best of 76 looks."""
    for pair in [*UNEQUAL, ("steady", "stuck")]:
        for share in CENSORED:
            missed = []
            for cell in cells([pair], [share]):
                studies = make(cell, n, np.random.default_rng(5))
                out = np.zeros(n, dtype=bool)
                for k in range(5, LOOKS[-1] + 1):
                    low, high = mixture_interval(studies.d[:, :k], ALPHA)
                    out |= (low > studies.truth) | (high < studies.truth)
                missed.append((float(out.mean()), cell.correlation))
            high, correlation = max(missed)
            yield Row(f"{name(pair)}, {share:.0%} censored; worst: correlation {correlation:g}", high, n)


def robust(n: int) -> Iterator[Row]:
    """Bets against the truth at any of 200 pairs, on distributions made to hurt."""
    rng = np.random.default_rng(6)
    for p in (0.002, 0.02, 0.5, 0.98):
        d = (rng.random((n, 200)) < p).astype(float)
        yield Row(f"1 with chance {p}, else 0", bet_away(d, 0, 1, p), n, ALPHA)
    for a, b in ((0.1, 0.1), (0.05, 1.0), (5.0, 0.3)):
        yield Row(f"beta({a}, {b})", bet_away(rng.beta(a, b, (n, 200)), 0, 1, a / (a + b)), n, ALPHA)
    reach = math.log(2000)
    for pair in [*UNEQUAL, ("steady", "stuck")]:
        found = []
        for cell in cells([pair]):
            studies = make(cell, n, rng, (80,))
            found.append(bet_away(np.clip(studies.d, -reach, reach), -reach, reach, studies.truth))
        yield Row(f"{name(pair)}, bounds ±log 2000; worst censoring and correlation", max(found), n, ALPHA)


def several_claims(n: int) -> Iterator[Row]:
    """Six arms against one: any of six verdicts wrong. The arm in common makes the claims correlated."""
    rng = np.random.default_rng(7)
    for label, effects in (("none true", (0.0,) * 6), ("three true", (0.0,) * 3 + (0.8,) * 3)):
        arms = rng.standard_normal((n, 7, LOOKS[-1])) / math.sqrt(2)
        any_wrong = np.zeros(n, dtype=bool)
        for k, effect in enumerate(effects):
            found = decide_paths(arms[:, k] - arms[:, 6] + effect, margin=0.3, alpha=ALPHA / 6, looks=LOOKS)
            false = [Decision.REFUTED, Decision.NO_MEANINGFUL_DIFFERENCE] if effect else [Decision.SUPPORTED,
                     Decision.REFUTED]  # fmt: skip
            any_wrong |= np.isin(found.decision, false)
        yield Row(f"six claims, {label}", float(any_wrong.mean()), n, ALPHA)
    cell = Cell("lognormal", "weibull", 0.9, 0.5)
    d, enough = make_family(cell, 6, n // 2, rng)
    any_wrong = np.zeros(n // 2, dtype=bool)
    for k in range(6):
        found = decide_paths(
            d[k], margin=0.1 * d[k].std(), alpha=ALPHA / 6, looks=LOOKS, can_be_equal=enough[k]
        )
        any_wrong |= np.isin(found.decision, [Decision.SUPPORTED, Decision.REFUTED])
    what = "six claims, none true, lognormal arms against a Weibull one, 50% censored, correlation 0.9"
    yield Row(what, float(any_wrong.mean()), n // 2, 2 * ALPHA)


def power(n: int) -> Iterator[tuple[str, float, float, float, float]]:
    """(what, decided, supported, mean pairs, mean effect of those supported), futility on, margin 0.1 sd."""
    for effect, alpha, claims in ((0.8, ALPHA, "one claim"), (0.8, ALPHA / 2, "two claims"), (0.5, ALPHA, "one claim"),
                                  (0.3, ALPHA, "one claim"), (0.0, ALPHA, "one claim")):  # fmt: skip
        found = decide_paths(gaussian(n, 80, effect, 8), margin=0.1, alpha=alpha, looks=LOOKS)
        yes = found.decision == Decision.SUPPORTED
        yield (f"planned, {claims}, effect {effect:g}", 1 - found.share(Decision.UNDECIDED), float(yes.mean()),
               float(found.used.mean()), float(found.effect[yes].mean()))  # fmt: skip
    d = gaussian(n // 4, 80, 0.8, 9)
    found = decide_paths(d, margin=0.1, looks=tuple(range(5, 81)), mode="anytime")
    yes = found.decision == Decision.SUPPORTED
    yield ("anytime, one claim, effect 0.8", 1 - found.share(Decision.UNDECIDED), float(yes.mean()),
           float(found.used.mean()), float(found.effect[yes].mean()))  # fmt: skip
    for reach in (3.0, 7.0, 15.0):
        found = decide_paths(np.clip(d, -reach, reach), margin=0.1, looks=tuple(range(5, 81)), mode="robust",
                             bounds=(-reach, reach), give_up=False)  # fmt: skip
        yes = found.decision == Decision.SUPPORTED
        yield (f"robust, one claim, effect 0.8, bounds ±{reach:g} sd", 1 - found.share(Decision.UNDECIDED),
               float(yes.mean()), float(found.used.mean()),
               float(found.effect[yes].mean()) if yes.any() else math.nan)  # fmt: skip


def coverage(n: int) -> Iterator[Row]:
    """Intervals at one look: how often the truth lies outside."""
    few = max(200, n // 4)
    rng = np.random.default_rng(10)
    for pair in [*EQUAL, *UNEQUAL]:
        found = []
        for cell in cells([pair]):
            studies = make(cell, n, rng, (10,))
            low, high = paired_interval(studies.d, ALPHA)
            found.append(float(((low > studies.truth) | (high < studies.truth)).mean()))
        factor = 1 if pair in EQUAL else 2
        yield Row(f"10 pairs, {name(pair)}; worst censoring and correlation", max(found), n, factor * ALPHA)
    for n_pairs in (10, 20):
        left_out = _stopped_early(few, n_pairs, rng)
        yield Row(f"{n_pairs} pairs, a third of the runs stopped early, pseudo-values", left_out, few, ALPHA)
    here, elsewhere = _two_doubts(few, rng)
    yield Row("10 seeds, 300 examples: mean on these examples", here, few, ALPHA)
    yield Row("10 seeds, 300 examples: mean on new examples", elsewhere, few, ALPHA)
    for n_seeds, spread, limit in LOSSES:
        here, elsewhere = two_doubts_of_costs(few, n_seeds, spread, np.random.default_rng(11))
        what = f"{n_seeds} seeds, 300 lognormal losses of log sd {spread:g}"
        yield Row(f"{what}: mean on these examples", here, few, ALPHA)
        yield Row(f"{what}: mean on new examples", elsewhere, few, limit)


def _stopped_early(n: int, n_pairs: int, rng: np.random.Generator) -> float:
    """One arm takes 1.3 times as long; runs of both are stopped at random times."""
    missed, until = 0, 150.0
    block = 0.3 * rng.standard_normal((n, n_pairs))
    times = [100 * f * np.exp(block + 0.4 * rng.standard_normal((n, n_pairs))) for f in (1.0, 1.3)]
    many = [100 * f * np.exp(0.5 * rng.standard_normal(1_000_000)) for f in (1.0, 1.3)]
    truth = float((np.minimum(many[1], until) - np.minimum(many[0], until)).mean())
    ends = [
        np.where(rng.random((n, n_pairs)) < 1 / 3, rng.uniform(40, 300, (n, n_pairs)), 300) for _ in times
    ]
    for k in range(n):
        arms = [
            x for t, end in zip(times, ends, strict=True) for x in (np.minimum(t[k], end[k]), t[k] <= end[k])
        ]
        low, high = t_interval(pseudo_values(*arms, until), ALPHA)
        missed += not low <= truth <= high
    return missed / n


def _two_doubts(n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Errors of two arms on examples of unequal difficulty, a probit of example + seed + chance."""
    from scipy.special import ndtr

    missed = np.zeros(2)
    for _ in range(n):
        example, seed = rng.standard_normal(300), 0.3 * rng.standard_normal((10, 1))
        errors, expected, overall = [], [], []
        for shift, spread in ((-1.0, 1.0), (-1.2, 0.8)):
            noise = 0.2 * rng.standard_normal((10, 1)) + rng.standard_normal((10, 300))
            errors.append(shift + spread * example + seed + noise > 0)
            seeds = 1 + 0.3**2 + 0.2**2
            expected.append(ndtr((shift + spread * example) / math.sqrt(seeds)).mean())
            overall.append(ndtr(shift / math.sqrt(seeds + spread**2)))
        missed += _missed(errors[0].astype(float) - errors[1], expected, overall)
    return float(missed[0] / n), float(missed[1] / n)


def two_doubts_of_costs(
    n: int, n_seeds: int, spread: float, rng: np.random.Generator, shared: float = 0.5, widened: bool = True
) -> tuple[float, float]:
    """Losses of two arms on 300 examples: the log is difficulty + seed + chance, each in part shared by the arms.

    Args:
        n: Studies.
        n_seeds: Seeds of a study.
        spread: Standard deviation of the log of the difficulty; 0.9 of it in the second arm.
        rng: Draws.
        shared: Share of the variance of seeds and chance that the arms have in common.
        widened: Whether the interval for new examples bears skew, as that of a verdict does.

    Returns:
        How often the truth lies outside the interval for these examples, and for new ones.
    """
    own, common = math.sqrt(1 - shared), math.sqrt(shared)
    missed = np.zeros(2)
    for _ in range(n):
        example = rng.standard_normal(300)
        seed = common * rng.standard_normal((n_seeds, 1))
        chance = common * rng.standard_normal((n_seeds, 300))
        losses, expected, overall = [], [], []
        for shift, scale in ((-spread, spread), (-spread - 0.2, 0.9 * spread)):
            noise = 0.2 * (seed + own * rng.standard_normal((n_seeds, 1)))
            noise = noise + 0.5 * (chance + own * rng.standard_normal((n_seeds, 300)))
            losses.append(np.exp(shift + scale * example + noise))
            rest = (0.2**2 + 0.5**2) / 2
            expected.append(np.exp(shift + scale * example + rest).mean())
            overall.append(math.exp(shift + scale**2 / 2 + rest))
        missed += _missed(losses[0] - losses[1], expected, overall, widened)
    return float(missed[0] / n), float(missed[1] / n)


def _missed(d: np.ndarray, expected: list[float], overall: list[float], widened: bool = True) -> np.ndarray:
    """Whether each interval leaves out its truth, the difference of the two arms' means: (2,)."""
    found = two_intervals(d, ALPHA)
    intervals = (found.here, new_examples_interval(d, ALPHA) if widened else found.elsewhere)
    return np.array([
        not low <= truths[0] - truths[1] <= high
        for truths, (low, high) in zip((expected, overall), intervals, strict=True)
    ])  # fmt: skip
