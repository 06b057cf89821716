"""`make bench`: what a training step costs, in Hunch and elsewhere. `benchmarks/README.md` says what is timed."""
