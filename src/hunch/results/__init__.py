"""What a verb returns, and `open`. Imports no torch.

Promises: everything shown is computed from plan and runs alone, so the same file gives the same answers;
every frame is a fresh copy; nothing here trains, or writes into a study file.
"""

from hunch.evidence import Verdict as Verdict
from hunch.results.audit import Audit as Audit
from hunch.results.doses import DoseResponse as DoseResponse
from hunch.results.dropout_law import DropoutLaw as DropoutLaw
from hunch.results.dropout_law import dropout_law as dropout_law
from hunch.results.equivalence import Equivalence as Equivalence
from hunch.results.exploration import Exploration as Exploration
from hunch.results.hunch_answer import HunchAnswer as HunchAnswer
from hunch.results.hunch_answer import slug as slug
from hunch.results.hunch_answers import HunchAnswers as HunchAnswers
from hunch.results.hunch_answers import Tested as Tested
from hunch.results.hunch_files import answer_in as answer_in
from hunch.results.hunch_files import as_answer as as_answer
from hunch.results.hunch_files import files_of as files_of
from hunch.results.hunch_files import place_of as place_of
from hunch.results.hunch_lines import Line as Line
from hunch.results.hunch_lines import lines_of as lines_of
from hunch.results.opening import open as open
from hunch.results.overview import overview as overview
from hunch.results.runs import Runs as Runs
from hunch.results.search import Search as Search
from hunch.results.study import Study as Study
from hunch.results.tunability import Tunability as Tunability
from hunch.results.tunability import TunabilityPart as TunabilityPart
