"""What happened: records, facts, the study file, the table. Imports no torch.

Promises: finished runs are on disk when `append` returns; a reader never disturbs the writer; the same runs
give the same table whatever order they finished in; opening a file never runs code from it.
"""

from hunch.traces.records import Provenance as Provenance
from hunch.traces.records import RunKey as RunKey
from hunch.traces.records import SiteFact as SiteFact
from hunch.traces.records import StudyFacts as StudyFacts
from hunch.traces.records import Trace as Trace
from hunch.traces.table import RunTable as RunTable
from hunch.traces.table import metric_curve as metric_curve
from hunch.traces.table import reading_mean as reading_mean
