"""The errors of the ledger floor.

Errors are sorted by blame, so that a caller can answer with one ``except``::

    LedgerError             somebody outside handed us something that cannot stand
    ├── CodecError          the bytes are not canonical msgpack
    ├── ShapeError          the bytes are canonical, the object in them is not what was asked for
    ├── GenesisError        the genesis document contradicts itself
    └── ProofError          a proof bundle or a trust file does not prove what it claims

Each carries ``code``, a stable name for machines; the text is for people. A bug of ours is never one of these: it is
an ``AssertionError`` and stops the node.
"""


class LedgerError(Exception):
    """Something from outside cannot stand; ``code`` names the broken rule, the text says what and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CodecError(LedgerError):
    """The bytes are not canonical msgpack (docs/formats.md)."""


class ShapeError(LedgerError):
    """The decoded value is not the object that was asked for: a field is missing, of the wrong type or out of range."""


class GenesisError(LedgerError):
    """The genesis document contradicts itself, so no chain can start from it."""


class ProofError(LedgerError):
    """A proof does not hold; ``code`` is the one reason why not."""
