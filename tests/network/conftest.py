"""Lets the tests of this folder import `any_networks`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
