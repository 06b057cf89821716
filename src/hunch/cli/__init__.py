"""The command `hunch`: reads what was typed, calls the verbs, prints the answer.

Promises: `--help` imports nothing but typer; answers go to stdout and everything else to stderr; under
`--json` stdout holds one JSON object, also when something goes wrong. Exit codes: 0 done, 1 a claim was
refuted or undecided under `--strict`, 2 bad input, 70 a bug of ours, 130 stopped by Ctrl-C.
"""

from hunch.cli.app import main as main
