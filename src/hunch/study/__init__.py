"""The verbs; the only room that knows both halves.

Promises: everything that can be checked is checked before the first run, and nothing is written if it does
not fit; finished runs are kept as they finish; the same call resumes; no run that chose a rate or a target
decides a claim.
"""

from hunch.study.audit import audit as audit
from hunch.study.compare import compare as compare
from hunch.study.equivalent import equivalent as equivalent
from hunch.study.hunches import test as test
from hunch.study.hunches_all import test_all as test_all
from hunch.study.search import search as search
from hunch.study.train import train as train
from hunch.study.tunability import tunability as tunability
from hunch.study.tune import tune as tune
