"""`python -m hunch.cli`."""

from hunch.cli.app import main

main()
