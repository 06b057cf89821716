"""`python -m benchmarks [--quick]`."""

from benchmarks.bench import main

if __name__ == "__main__":
    main()
