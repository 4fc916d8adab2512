"""Settings for every test: Hypothesis is deterministic, so a failure on one machine is a failure on all."""

from hypothesis import HealthCheck, settings

settings.register_profile("tradelane", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradelane")
