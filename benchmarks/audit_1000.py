"""Real training: 1,000 audits on a small network, of which at most 67 may tell identical arms apart.

    .venv/bin/python -m benchmarks.audit_1000 [STUDIES]

The network, the budget and the seed were fixed before the first run. The whole of it is 160,000 runs of 100
iterations, two arms × 10 blocks × (7 learning rates + 1) a study, each tuned for itself; the first 200 studies are
the slow test of `tests/study/test_study_audit.py`.
"""

import json
import sys
import time
from pathlib import Path

import hunch
from hunch.evidence import most_false

SEED = 1
OUT = Path("build/audit_1000.json")


def main(studies: int = 1000) -> int:
    """Run the audits, print what came out, keep it as JSON; 1 if it is not passed."""
    started = time.monotonic()
    found = hunch.audit(
        hunch.mlp([64, 12, 10]),
        "digits",
        studies=studies,
        budget=100,
        seeds=10,
        tuning="replicated",
        seed=SEED,
    )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found.to_json(), indent=1), encoding="utf-8")
    print(found)
    print(
        f"{found.tally.false} of {studies} false, {most_false(studies)} allowed; "
        f"{time.monotonic() - started:,.0f} s on {found.provenance.machine}; {OUT}"
    )
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
