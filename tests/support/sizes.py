"""The sizes of a validator set over which what depends on them is tested: 3f + 1 and those that are not."""

from typing import Final

import pytest

SIZES: Final = (4, 5, 6, 7, 10)
each_size: Final = pytest.mark.parametrize("count", SIZES)
