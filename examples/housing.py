"""Tabular regression: does dropout help a small network to predict house prices, and does L2?

The file is the table of California housing: eight columns of numbers, one of words (`ocean_proximity`), and the target
`median_house_value`. Columns are standardised, words become one column each, missing values the median; errors are told
in the target's own unit, dollars.

    python examples/housing.py housing.csv            # HUNCH_TINY=1 for a few seconds that decide nothing
"""

import os
import sys

import pandas as pd

import hunch

TINY = bool(os.environ.get("HUNCH_TINY"))
TARGET, WORDS = "median_house_value", "ocean_proximity"


def main(path):
    """Compare, print, and say the error of each arm in dollars."""
    table = pd.read_csv(path)
    n_inputs = table.shape[1] - 2 + table[WORDS].nunique()
    study = hunch.compare(
        hunch.mlp([n_inputs, 64, 64, 1]),
        table,
        y=TARGET,
        missing="median",
        arms=[hunch.Arm("none"), hunch.Arm("drop", keep_prob=0.9), hunch.Arm("l2", l2=1e-3)],
        claims=["drop lower error than none", "l2 lower error than none"],
        base=hunch.Arm("base", optimizer="adam", lr=0.003 if TINY else None),
        tuning="none" if TINY else "replicated",
        budget=20 if TINY else 2000,
        seeds=6 if TINY else None,
        max_seeds=20,
        store=None if TINY else "housing.hunch",
    )
    print(study)
    errors = study.frame().groupby("arm")["held_out_error"].mean()
    for arm, dollars in errors.items():
        print(f"{arm}: off by {dollars:,.0f} dollars (root mean square, held out, mean over seeds)")
    print(study.report("housing.html"))
    return study


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/housing.py housing.csv")
    main(sys.argv[1])
