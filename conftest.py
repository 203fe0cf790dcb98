"""For all tests: hypothesis without clocks, since time belongs in benchmarks."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "sluice", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sluice")
