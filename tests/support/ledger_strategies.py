"""Hypothesis strategies for the values of the ledger floor."""

import unicodedata

from hypothesis import strategies as st

from ledger.codec import Value
from ledger.unicode_14 import is_assigned

texts: st.SearchStrategy[str] = st.text(max_size=12).map(
    lambda text: unicodedata.normalize("NFC", "".join(filter(is_assigned, text)))
)
integers: st.SearchStrategy[int] = st.integers(-(1 << 63), (1 << 64) - 1) | st.integers(-200, 300)
scalars: st.SearchStrategy[Value] = st.none() | st.booleans() | integers | texts | st.binary(max_size=40)


def values(depth: int = 3) -> st.SearchStrategy[Value]:
    """Return canonical values with containers at most ``depth`` deep."""
    if depth == 0:
        return scalars
    inner = values(depth - 1)
    containers: st.SearchStrategy[Value] = st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5)
    return scalars | containers


# Something of every type that msgpack can carry, in every place where it can stand, canonical or not.
junk: st.SearchStrategy[object] = st.recursive(
    scalars | st.floats() | st.text(max_size=5) | st.integers(-(1 << 63), (1 << 64) - 1),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)
