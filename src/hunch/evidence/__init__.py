"""Estimates, readings and facts → verdicts. Imports no torch.

Promises: `decide(plan, table)` is a pure function, so the same file always gives the same verdicts;
every non-undecided verdict follows from one interval and one margin, both fixed beforehand; every sentence
about a verdict is written here (`wording`, `method`, `reasons`), and every number for text is rounded here
(`numbers`).
"""

from hunch.evidence.audit import AuditedStudy as AuditedStudy
from hunch.evidence.audit import Tally as Tally
from hunch.evidence.audit import audit_study as audit_study
from hunch.evidence.audit import most_false as most_false
from hunch.evidence.audit_text import FAILED as FAILED
from hunch.evidence.audit_text import INVALID as INVALID
from hunch.evidence.audit_text import PASSED as PASSED
from hunch.evidence.audit_text import audit_conclusion as audit_conclusion
from hunch.evidence.audit_text import audit_sentences as audit_sentences
from hunch.evidence.audit_text import describe_planted as describe_planted
from hunch.evidence.decide import decide as decide
from hunch.evidence.doses import CurveAnswer as CurveAnswer
from hunch.evidence.doses import Dose as Dose
from hunch.evidence.doses import DoseValues as DoseValues
from hunch.evidence.doses import dose_claim as dose_claim
from hunch.evidence.doses import fresh_pair as fresh_pair
from hunch.evidence.doses import read_curve as read_curve
from hunch.evidence.doses import tested_arms as tested_arms
from hunch.evidence.doses import wanted_spares as wanted_spares
from hunch.evidence.doses_text import describe_curve as describe_curve
from hunch.evidence.doses_text import dose_text as dose_text
from hunch.evidence.explore import Explored as Explored
from hunch.evidence.explore import explore as explore
from hunch.evidence.explore_text import CAUTION as CAUTION
from hunch.evidence.explore_text import EXPLORATORY as EXPLORATORY
from hunch.evidence.explore_text import describe_explored as describe_explored
from hunch.evidence.looks import effect_bounds as effect_bounds
from hunch.evidence.margins import claim_margin as claim_margin
from hunch.evidence.margins import default_margin as default_margin
from hunch.evidence.method import describe_method as describe_method
from hunch.evidence.method import describe_share as describe_share
from hunch.evidence.method import describe_use as describe_use
from hunch.evidence.numbers import iterations as iterations
from hunch.evidence.numbers import keep_text as keep_text
from hunch.evidence.numbers import level as level
from hunch.evidence.numbers import number as number
from hunch.evidence.numbers import percent as percent
from hunch.evidence.numbers import ratio as ratio
from hunch.evidence.numbers import seeds_text as seeds_text
from hunch.evidence.outcomes import OutcomeValues as OutcomeValues
from hunch.evidence.outcomes import outcome_values as outcome_values
from hunch.evidence.outcomes import site_index as site_index
from hunch.evidence.planted import Planted as Planted
from hunch.evidence.planted import plant as plant
from hunch.evidence.sensitivity import Sensitivity as Sensitivity
from hunch.evidence.sensitivity import SensitivityRow as SensitivityRow
from hunch.evidence.sensitivity import sensitivity as sensitivity
from hunch.evidence.tuning import always_diverged as always_diverged
from hunch.evidence.tuning import block_rate as block_rate
from hunch.evidence.tuning import claim_about as claim_about
from hunch.evidence.tuning import confirm_key as confirm_key
from hunch.evidence.tuning import confirm_runs as confirm_runs
from hunch.evidence.tuning import tuning_keys as tuning_keys
from hunch.evidence.tuning import used_seeds as used_seeds
from hunch.evidence.verdict import ABOUT_EQUAL as ABOUT_EQUAL
from hunch.evidence.verdict import DECISIONS as DECISIONS
from hunch.evidence.verdict import EXPLORED as EXPLORED
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE as NO_MEANINGFUL_DIFFERENCE
from hunch.evidence.verdict import OPEN as OPEN
from hunch.evidence.verdict import POINTS_AGAINST as POINTS_AGAINST
from hunch.evidence.verdict import POINTS_TO as POINTS_TO
from hunch.evidence.verdict import REFUTED as REFUTED
from hunch.evidence.verdict import SUPPORTED as SUPPORTED
from hunch.evidence.verdict import UNDECIDED as UNDECIDED
from hunch.evidence.verdict import Look as Look
from hunch.evidence.verdict import Verdict as Verdict
from hunch.evidence.wording import describe_arm as describe_arm
from hunch.evidence.wording import describe_sensitivity as describe_sensitivity
from hunch.evidence.wording import headline as headline
from hunch.evidence.wording import label as label
