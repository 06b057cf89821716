from hypothesis import settings

# The same examples in every run: no unseeded randomness in the suite.
settings.register_profile("seeded", derandomize=True)
settings.load_profile("seeded")
