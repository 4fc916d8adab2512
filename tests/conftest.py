"""Settings for every test.

Hypothesis is deterministic, so a failure on one machine is a failure on all. Where two workers share the tests, a
file stays together (its fixtures are dear), and everything that starts clusters goes to one worker: two at a time would
measure each other. The other worker has the rest, which takes about as long.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("tradelane", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradelane")

_CLUSTERS = "tests/process/"


class _TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    def _split_scope(self, nodeid: str) -> str:
        return "clusters" if nodeid.startswith(_CLUSTERS) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Say which tests belong to one worker; it is asked where there are workers."""
    return _TogetherScheduling(config, log)
