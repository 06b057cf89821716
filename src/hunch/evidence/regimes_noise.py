"""Whether one knob's advantage over another differs between networks: the ratio of their scatter, compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hunch.evidence.numbers import level, ratio, seeds_text
from hunch.evidence.tunability import TunabilityAnswer
from hunch.stats import paired_interval, sign_flip_p


@dataclass(frozen=True, slots=True)
class NoiseDifference:
    """The ratio of scatter in one network over that in another.

    Args:
        regimes: The two networks.
        knobs: The knob whose scatter is above the fraction line, and the other.
        log_ratio: Natural log of how many times as large the ratio is in the first network.
        low: Lower end of the interval.
        high: Upper end.
        seeds: Seeds that both have.
        alpha: 1 - that is the level of the interval.
        p_value: Two-sided sign-flip p-value.
    """

    regimes: tuple[str, str]
    knobs: tuple[str, str]
    log_ratio: float
    low: float
    high: float
    seeds: int
    alpha: float
    p_value: float

    @property
    def is_supported(self) -> bool:
        """Whether a difference was shown: the interval lies on one side, and the sign-flip test agrees."""
        return (self.low > 0 or self.high < 0) and self.p_value <= self.alpha


def compare_noise(
    answers: Mapping[str, TunabilityAnswer | None], alpha: float
) -> tuple[NoiseDifference, ...]:
    """Does the ratio of scatter under two knobs differ between networks? One answer for each pair of networks.

    The jackknife gives each network a pseudo-value of its log ratio at every seed. Their differences at equal seeds are
    judged as those of a verdict are: interval and sign-flip test, alpha shared by all pairs.

    Args:
        answers: Network → what was found there; None where nothing was.
        alpha: For all pairs together.
    """
    known = {
        name: answer
        for name, answer in answers.items()
        if answer is not None and answer.noise is not None and answer.noise.pseudo
    }
    pairs = list(combinations(known, 2))
    found: list[NoiseDifference] = []
    for one, two in pairs:
        first, second = _by_seed(known[one]), _by_seed(known[two])
        seeds = [seed for seed in first if seed in second]
        if len(seeds) < 2:
            continue
        d = np.array([first[seed] - second[seed] for seed in seeds])
        share = alpha / len(pairs)
        low, high = paired_interval(d, share)
        noise = [known[name].noise for name in (one, two)]
        assert noise[0] is not None and noise[1] is not None
        found.append(
            NoiseDifference(
                (one, two),
                (known[one].first.knob, known[one].second.knob),
                noise[0].log_ratio - noise[1].log_ratio,
                float(low),
                float(high),
                len(seeds),
                share,
                float(sign_flip_p(d)),
            )
        )
    return tuple(found)


def describe_noise(found: NoiseDifference) -> str:
    """A difference between networks in a sentence."""
    is_more = found.log_ratio >= 0
    more, less = found.regimes if is_more else found.regimes[::-1]
    low, high = (found.low, found.high) if is_more else (-found.high, -found.low)
    word, by = ("different", "") if found.is_supported else ("undecided", "by the estimate ")
    ends = f"{ratio(math.exp(low))} to {ratio(math.exp(high))}"
    return (
        f"{word}: the scatter under {found.knobs[0]}, relative to that under {found.knobs[1]}, is {by}"
        f"{ratio(math.exp(abs(found.log_ratio)))} times as large in {more} as in {less} ({level(found.alpha)} interval "
        f"{ends}, {seeds_text(found.seeds)})"
    )


def _by_seed(answer: TunabilityAnswer) -> dict[int, float]:
    assert answer.noise is not None, "only networks with a ratio are compared"
    return dict(zip(answer.first.curve.seen.seeds, answer.noise.pseudo, strict=True))
