"""What happened: records, facts, the study file, the table. Imports no torch.

Promises: finished runs are on disk when `append` returns; a reader never disturbs the writer; the same runs
give the same table whatever order they finished in; opening a file never runs code from it.
"""

from hunch.traces.opening import StoredStudy as StoredStudy
from hunch.traces.opening import read_study as read_study
from hunch.traces.records import Provenance as Provenance
from hunch.traces.records import RunKey as RunKey
from hunch.traces.records import SiteFact as SiteFact
from hunch.traces.records import StudyFacts as StudyFacts
from hunch.traces.records import Trace as Trace
from hunch.traces.recovery import RecoverReport as RecoverReport
from hunch.traces.recovery import recover as recover
from hunch.traces.store import StudyFile as StudyFile
from hunch.traces.store import open_or_create as open_or_create
from hunch.traces.table import RunTable as RunTable
from hunch.traces.table import metric_curve as metric_curve
from hunch.traces.table import reading_mean as reading_mean
from hunch.traces.table import reading_values as reading_values
