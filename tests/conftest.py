"""Settings for every test.

Hypothesis is deterministic, so a failure on one machine is a failure on all. Where two workers share the tests, a
file stays together (its fixtures are dear), and everything that starts processes goes to one worker: two clusters at
a time would measure each other.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("tradelane", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradelane")

_KINDS_WITH_PROCESSES = {"process", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests belong to one worker; without ``-n`` it means nothing."""
    folder = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(folder)
        item.add_marker(
            pytest.mark.xdist_group("processes" if path.parts[0] in _KINDS_WITH_PROCESSES else path.as_posix())
        )
