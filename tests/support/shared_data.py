"""Where the real documents and vectors for tests are, and what happens where they are not."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_data(relative: str) -> Path:
    """Return a path below the shared test data, or skip the test with the reason.

    The folder is ``$TRADELANE_TEST_DATA`` or ``../shared/data`` beside the checkout. Where ``CI`` is set a missing
    folder fails instead, so that a skip cannot hide a failure there.
    """
    root = Path(os.environ.get("TRADELANE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    path = root / relative
    if path.exists():
        return path
    message = f"test data {relative!r} not found below {root}; set TRADELANE_TEST_DATA to the folder that holds it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
