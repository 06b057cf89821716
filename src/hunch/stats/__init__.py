"""Arrays in, estimates out: pure functions of numbers, vectorised over studies. Imports no torch.

Promises: nothing here knows of arms, files or verdicts; the same numbers always give the same answer, on any
machine (even the random sign flips have a fixed key); degenerate input gives NaN, never a warning.

- `arrival`: when a curve first reaches a target, and what censoring at the budget leaves to be said.
- `paired`, `pairing`: the interval and the exact test of paired differences, and what pairing achieved.
- `looks`, `spending`, `anytime`, `betting`: what looking several times costs: planned looks, a sequence that
  bears any stopping rule for Gaussian differences, and one that bears any shape.
- `censoring`, `multiple`, `two_way`: real censoring; several claims; other seeds and other examples.
- `verdicts`: the verdict rule over thousands of studies at once, for simulations.
- `dose`, `dose_pairs`, `dose_default`, `dose_width`, `dose_tunability`: dose-response curves: which doses are near
  the best, what a default loses, how wide the near-optimal region is.
- `equivalent`: the doses of one knob that do what a dose of another does.
- `kept_units`: the law of the number of units that dropout keeps.
- `target`: what the pilot fixes (target, budget, learning rate) by rules that treat all arms alike.
"""

from hunch.stats.anytime import mixture_interval as mixture_interval
from hunch.stats.arrival import WinProbability as WinProbability
from hunch.stats.arrival import arrival_curve as arrival_curve
from hunch.stats.arrival import arrival_times as arrival_times
from hunch.stats.arrival import clopper_pearson as clopper_pearson
from hunch.stats.arrival import log_restricted as log_restricted
from hunch.stats.arrival import median_time as median_time
from hunch.stats.arrival import reach_rate as reach_rate
from hunch.stats.arrival import restarts_time as restarts_time
from hunch.stats.arrival import restricted as restricted
from hunch.stats.arrival import win_probability as win_probability
from hunch.stats.betting import bets_won as bets_won
from hunch.stats.betting import betting_interval as betting_interval
from hunch.stats.betting import betting_price as betting_price
from hunch.stats.betting import log_price as log_price
from hunch.stats.censoring import comparable_until as comparable_until
from hunch.stats.censoring import kaplan_meier as kaplan_meier
from hunch.stats.censoring import pseudo_values as pseudo_values
from hunch.stats.censoring import reach_p as reach_p
from hunch.stats.censoring import restricted_mean as restricted_mean
from hunch.stats.dose import DoseCurve as DoseCurve
from hunch.stats.dose import DoseStatus as DoseStatus
from hunch.stats.dose import best_end as best_end
from hunch.stats.dose import dose_curve as dose_curve
from hunch.stats.dose_default import DefaultLoss as DefaultLoss
from hunch.stats.dose_default import default_loss as default_loss
from hunch.stats.dose_noise import NoiseRatio as NoiseRatio
from hunch.stats.dose_noise import noise_ratio as noise_ratio
from hunch.stats.dose_pairs import DIVERGED_LIMIT as DIVERGED_LIMIT
from hunch.stats.dose_tunability import CommonSpan as CommonSpan
from hunch.stats.dose_tunability import Tunability as Tunability
from hunch.stats.dose_tunability import common_span as common_span
from hunch.stats.dose_tunability import tunability as tunability
from hunch.stats.dose_width import DoseWidths as DoseWidths
from hunch.stats.dose_width import Span as Span
from hunch.stats.dose_width import cell_shares as cell_shares
from hunch.stats.dose_width import chance_near_optimal as chance_near_optimal
from hunch.stats.dose_width import dose_widths as dose_widths
from hunch.stats.equivalent import EquivalentDoses as EquivalentDoses
from hunch.stats.equivalent import equivalent_doses as equivalent_doses
from hunch.stats.kept_units import KeptUnits as KeptUnits
from hunch.stats.looks import is_futile as is_futile
from hunch.stats.looks import planned_looks as planned_looks
from hunch.stats.multiple import HolmRow as HolmRow
from hunch.stats.multiple import benjamini_hochberg as benjamini_hochberg
from hunch.stats.multiple import bonferroni_shares as bonferroni_shares
from hunch.stats.multiple import holm as holm
from hunch.stats.multiple import holm_table as holm_table
from hunch.stats.paired import MANY_SEEDS as MANY_SEEDS
from hunch.stats.paired import all_equal as all_equal
from hunch.stats.paired import hall_interval as hall_interval
from hunch.stats.paired import paired_interval as paired_interval
from hunch.stats.paired import seeds_for_direction as seeds_for_direction
from hunch.stats.paired import seeds_for_equivalence as seeds_for_equivalence
from hunch.stats.paired import seeds_for_sign_flip as seeds_for_sign_flip
from hunch.stats.paired import sign_flip_p as sign_flip_p
from hunch.stats.paired import skewness as skewness
from hunch.stats.paired import smallest_sign_flip_p as smallest_sign_flip_p
from hunch.stats.paired import t_interval as t_interval
from hunch.stats.pairing import pairing_correlation as pairing_correlation
from hunch.stats.pairing import variance_factor as variance_factor
from hunch.stats.spending import boundaries as boundaries
from hunch.stats.target import RateChoice as RateChoice
from hunch.stats.target import arms_that_learned as arms_that_learned
from hunch.stats.target import choose_rate as choose_rate
from hunch.stats.target import choose_target as choose_target
from hunch.stats.target import learned as learned
from hunch.stats.target import round_up as round_up
from hunch.stats.target import second_half_gain as second_half_gain
from hunch.stats.target import value_reached as value_reached
from hunch.stats.two_way import TwoIntervals as TwoIntervals
from hunch.stats.two_way import new_examples_interval as new_examples_interval
from hunch.stats.two_way import two_intervals as two_intervals
from hunch.stats.two_way import two_intervals_of as two_intervals_of
from hunch.stats.verdicts import Decision as Decision
from hunch.stats.verdicts import Paths as Paths
from hunch.stats.verdicts import decide_paths as decide_paths
