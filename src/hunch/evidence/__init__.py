"""Estimates, readings and facts → verdicts. Imports no torch.

Promises: `decide(plan, table)` is a pure function, so the same file always gives the same verdicts;
every non-undecided verdict follows from one interval and one margin, both fixed beforehand.
"""

from hunch.evidence.verdict import DECISIONS as DECISIONS
from hunch.evidence.verdict import NO_MEANINGFUL_DIFFERENCE as NO_MEANINGFUL_DIFFERENCE
from hunch.evidence.verdict import REFUTED as REFUTED
from hunch.evidence.verdict import SUPPORTED as SUPPORTED
from hunch.evidence.verdict import UNDECIDED as UNDECIDED
from hunch.evidence.verdict import Verdict as Verdict
