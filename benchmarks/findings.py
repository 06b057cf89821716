"""Every hunch of the catalogue for real, on the digits and on MNIST; what came out goes to docs/what-holds.md.

    python -m benchmarks.findings                       run what is missing on both data sets, then write the page
    python -m benchmarks.findings --data digits         only run, on the digits; or --data mnist
    python -m benchmarks.findings --only NAME NAME      only run these hunches
    python -m benchmarks.findings --quick               by the quick plans, in a place of their own
    python -m benchmarks.findings --write               only write, from the study files that are there

Every step goes on where it was: a study that is complete is read, one that was stopped is finished. The study files
lie in --store (default findings/, outside git). MNIST is read from --mnist, or the variable MNIST; where it is not
there, the digits are tested alone and that is said. The page and the table in the README are functions of the study
files and the catalogue alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import hunch
from benchmarks.findings_page import DIGITS, MNIST, Found, in_readme, page, short
from hunch.catalogue import Hunch, hunches
from hunch.errors import HunchError
from hunch.results import answer_in

ROOT = Path(__file__).parents[1]
PAGE, README = ROOT / "docs" / "what-holds.md", ROOT / "README.md"
MNIST_FILE = "../shared/data/mnist20k.npz"


def place(store: Path, data: str, *, quick: bool) -> Path:
    """The folder with the study files of one data set."""
    return store / f"{data}{'-quick' if quick else ''}"


def run(store: Path, data: str, source: str, *, quick: bool, only: Sequence[str] | None) -> bool:
    """Test the hunches on one data set, going on where it was.

    Returns:
        Whether all were tested.
    """
    folder = place(store, data, quick=quick)
    say(f"{data}: study files in {folder}")
    answers = hunch.test_all(None, source, quick=quick, only=only, store=folder)
    for name, reason in answers.left_out.items():
        say(f"{data}: {name} was left out: {reason}")
    return not answers.left_out


def read(
    store: Path, *, quick: bool, catalogue: Sequence[Hunch], named: Sequence[str] = (DIGITS, MNIST)
) -> Found:
    """What the study files say, of every hunch and data set; nothing where they are missing or not complete."""
    return Found(
        catalogue=tuple(catalogue),
        answers={
            data: {
                one.name: answer_in(one.quickly() if quick else one, place(store, data, quick=quick))
                for one in catalogue
            }
            for data in named
        },
        quick=quick,
    )


def write(found: Found, to: Path = PAGE, readme: Path = README) -> None:
    """Write the page, and its short form between the marks in the README."""
    to.write_text(page(found), encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    readme.write_text(in_readme(text, short(found)), encoding="utf-8")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.findings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # noqa: E501 # fmt: skip
    parser.add_argument("--store", type=Path, default=Path("findings"), help="folder of the study files")
    parser.add_argument("--data", choices=(DIGITS, MNIST), help="only run, on these data")
    parser.add_argument("--mnist", default=os.environ.get("MNIST") or MNIST_FILE, help="the .npz with MNIST")
    parser.add_argument("--quick", action="store_true", help="by the quick plans")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only run these hunches")
    parser.add_argument(
        "--write", action="store_true", help="only write, from the study files that are there"
    )
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run what is missing, and write unless only a part was asked for.

    Returns:
        0, or 1 if a hunch could not be tested.
    """
    asked = arguments(given)
    done = True
    if not asked.write:
        sources = {DIGITS: "digits", MNIST: asked.mnist}
        if not Path(asked.mnist).is_file():
            say(
                f"MNIST is left out: there is no file {asked.mnist}. Name it with --mnist or the variable MNIST."
            )
            if asked.data == MNIST:
                return 1
            del sources[MNIST]
        try:
            for data in (asked.data,) if asked.data else tuple(sources):
                done &= run(asked.store, data, sources[data], quick=asked.quick, only=asked.only)
        except KeyboardInterrupt:
            say(f"Stopped. Finished runs are kept in {asked.store}; the same command goes on from there.")
            return 130
        except HunchError as error:
            say(f"{type(error).__name__}: {error}")
            return 2
    if asked.write or not (asked.data or asked.only):
        write(read(asked.store, quick=asked.quick, catalogue=hunches()))
        say(f"written: {PAGE}")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
