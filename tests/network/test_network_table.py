"""The table of docs/networks.md, computed from the networks themselves.

Accept a change with HUNCH_GOLD=accept, with the extra `networks` installed, and read the diff.
"""

import os
import warnings
from pathlib import Path

import pytest

from hunch.errors import HunchWarning, PlacementError
from hunch.network import build_network, find_sites, place
from real_networks import REAL

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"
START = "| network | read by | layers | sites | batch | layer | rms | group | dropout | trained by |"
LINE = "|---|---|---|---|---|---|---|---|---|---|"
HOW = {"fx": "fx", "forward": "a forward pass"}


def row(case) -> str:
    """One line of the table: what Hunch does with a network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = build_network(case.build, 0)
    x = case.inputs(2)
    layout = find_sites(network, x)
    cells = [case.name, HOW[layout.how], str(len(layout.sites)), str(len(layout.hidden))]
    cells += [str(_placed(network, x, norm)) for norm in ("batch", "layer", "rms", "group")]
    done = _done(network, x, keep_prob=0.75)
    cells.append(
        str(sum(s.dropout is not None and s.dropout.keep == 0.75 for s in find_sites(done, x).hidden))
    )
    cells.append("`loop`, `batched`" if case.fleets else "`loop`")
    return f"| {' | '.join(cells)} |"


def _done(network, x, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HunchWarning)
        return place(network, inputs=x, **settings)


def _placed(network, x, norm) -> int:
    """At how many sites a fresh norm stands that was not there before."""
    bare = _done(network, x, norm="none")
    try:
        done = _done(bare, x, norm=norm)
    except PlacementError:
        return 0
    return sum(s.norm is not None for s in find_sites(done, x).hidden)


def written() -> dict[str, str]:
    """Network → its line in the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(START) + 2
    rows = [line for line in lines[start:] if line.startswith("|")][: len(REAL)]
    return {line.split("|")[1].strip(): line for line in rows}


@pytest.mark.parametrize("case", REAL, ids=[case.name for case in REAL])
def test_the_table_says_what_hunch_does_with_the_network(case):
    if not case.is_there:
        pytest.skip(f"{case.needs} is not installed")
    found = row(case)
    if os.environ.get("HUNCH_GOLD") == "accept":
        text = PAGE.read_text(encoding="utf-8")
        old = written().get(case.name)
        at = f"{START}\n{LINE}\n"
        assert at in text
        text = text.replace(old, found) if old else _appended(text, at, found)
        PAGE.write_text(text, encoding="utf-8")
    assert written()[case.name] == found


def _appended(text: str, at: str, line: str) -> str:
    head, _, tail = text.partition(at)
    lines = tail.split("\n")
    n = next(k for k, each in enumerate(lines) if not each.startswith("|"))
    return head + at + "\n".join([*lines[:n], line, *lines[n:]])


def test_the_table_has_every_network_and_no_other():
    assert list(written()) == [case.name for case in REAL]


def test_a_row_that_is_not_true_is_told_from_one_that_is():
    case = REAL[0]
    assert row(case) != written()[case.name].replace("| 3 |", "| 2 |", 1)
