from hypothesis import HealthCheck, settings

# The same examples in every run: no unseeded randomness in the suite. On a busy machine slow is not wrong.
settings.register_profile(
    "seeded", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seeded")
