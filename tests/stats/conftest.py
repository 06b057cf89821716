"""The made-up studies that docs/validation.md is computed with live in benchmarks/, beside the script for it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
