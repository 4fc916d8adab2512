"""Typed reading of a node's answers. A node may be of another version or lie, so every field is checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from tradelane.errors import UnavailableError
from tradelane.transport import Json, JsonObject

T = TypeVar("T")

_TYPE_NAMES: Final[Mapping[type, str]] = {str: "a text", int: "an integer"}


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object of an answer; reading a field that is not there or of another type raises UnavailableError."""

    values: JsonObject
    where: str

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self._error(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where it is null or absent."""
        return None if self.values.get(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """Return an integer, which may be written as a decimal text because some readers have no 64-bit integers."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                return int(value)
            except ValueError:
                raise self._error(name, "an integer") from None
        if type(value) is not int:
            raise self._error(name, "an integer")
        return value

    def optional_integer(self, name: str) -> int | None:
        """Return an integer, or None where it is null or absent."""
        return None if self.values.get(name) is None else self.integer(name)

    def boolean(self, name: str) -> bool:
        """Return true or false."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise self._error(name, "true or false")
        return value

    def object(self, name: str) -> "Fields":
        """Return an object."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise self._error(name, "an object")
        return Fields(value, f"{self.where}.{name}")

    def optional_object(self, name: str) -> "Fields | None":
        """Return an object, or None where it is null or absent."""
        return None if self.values.get(name) is None else self.object(name)

    def raw_object(self, name: str) -> JsonObject:
        """Return an object as it is."""
        return self.object(name).values

    def objects(self, name: str, read: Callable[["Fields"], T]) -> tuple[T, ...]:
        """Return an array of objects, each read by ``read``; an absent one counts as empty."""
        return tuple(
            read(Fields(entry, f"{self.where}.{name}[{index}]")) for index, entry in enumerate(self._entries(name))
        )

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an array of texts; an absent one counts as empty."""
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise self._error(name, "an array")
        texts = tuple(entry for entry in value if isinstance(entry, str))
        if len(texts) != len(value):
            raise self._error(name, "an array of texts")
        return texts

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return an array of pairs of texts."""
        return cast("tuple[tuple[str, str], ...]", self.rows(name, str, str))

    def rows(self, name: str, *types: type[str] | type[int]) -> tuple[tuple[str | int, ...], ...]:
        """Return an array of arrays, each with a value of each of these types."""
        value = self.values.get(name)
        rows = value if isinstance(value, list) else [None]
        if not all(isinstance(row, list) and [type(entry) for entry in row] == list(types) for row in rows):
            raise self._error(name, f"an array of arrays of {', '.join(_TYPE_NAMES[kind] for kind in types)}")
        return tuple(tuple(row) for row in cast("list[list[str | int]]", rows))

    def any(self, name: str) -> Json:
        """Return whatever is there, None where nothing is."""
        return self.values.get(name)

    def _entries(self, name: str) -> list[JsonObject]:
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise self._error(name, "an array")
        entries = [entry for entry in value if isinstance(entry, dict)]
        if len(entries) != len(value):
            raise self._error(name, "an array of objects")
        return entries

    def _error(self, name: str, what: str) -> UnavailableError:
        return UnavailableError(
            "response.shape",
            f"the answer's {self.where}.{name} is not {what}",
            "check that node and client are of the same version (`tradelane status`, `tradelane --version`)",
        )
