import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_study import all_traces, freeze, make_facts, make_plan, make_provenance

from hunch.traces import StudyFile


@pytest.fixture
def plan():
    return make_plan()


@pytest.fixture
def asked(plan):
    """What a call brings along: plan, facts, provenance."""
    return plan, make_facts(), make_provenance()


@pytest.fixture
def stored(tmp_path, asked):
    """A closed study file with pilot and confirm runs."""
    path = tmp_path / "study.hunch"
    with StudyFile.create(path, *asked) as file:
        file.freeze(freeze(asked[0]))
        file.append_many(all_traces(asked[0]))
    return path
