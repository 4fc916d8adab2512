"""The errors of the client, sorted by what a caller can do about them.

    TradelaneError                  exit code 1
    ├── BadRequestError             1   the request itself is wrong: correct it before sending it again
    ├── NotFoundError               3   the node knows nothing under this name
    ├── NotAuthorisedError          4   the key, its role or the token does not allow it
    ├── ConflictError               5   the state of the ledger does not allow it, such as an item that exists
    ├── VerificationError           6   a proof does not hold; ``code`` is the one reason why not
    ├── NotFinalError               7   not committed in the time given; it may still be: ask again with the same id
    └── UnavailableError            8   no node answered, or the network has no quorum; trying later can help

``code`` is stable and for programs, ``detail`` says what happened and why, ``hint`` what to do next.
``failed_operation`` is the one of a transaction, from 0, that the ledger's rules stopped, where they did.
"""

from typing import ClassVar


class TradelaneError(Exception):
    """Something that a caller may have to handle; ``exit_code`` is what the command line ends with."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, detail: str, hint: str = "", *, failed_operation: int | None = None) -> None:
        super().__init__(detail)
        self.failed_operation = failed_operation
        self.code = code
        self.detail = detail
        self.hint = hint


class BadRequestError(TradelaneError):
    """The request breaks a rule of the format; nothing was changed."""


class NotFoundError(TradelaneError):
    """There is nothing under this name at the node's height."""

    exit_code = 3


class NotAuthorisedError(TradelaneError):
    """The key is unknown, its role does not allow the operation, or the token is missing."""

    exit_code = 4


class ConflictError(TradelaneError):
    """The request is well formed and signed, but the state of the ledger does not allow it."""

    exit_code = 5


class VerificationError(TradelaneError):
    """A proof bundle does not prove what it claims, or an answer does not match it."""

    exit_code = 6


class NotFinalError(TradelaneError):
    """The transaction was accepted but not committed in the time given.

    ``transaction_id`` (hex) is what to ask for again; sending the very same transaction again is safe.
    """

    exit_code = 7

    def __init__(self, code: str, detail: str, hint: str = "", transaction_id: str = "") -> None:
        super().__init__(code, detail, hint)
        self.transaction_id = transaction_id


class UnavailableError(TradelaneError):
    """No node answered, or the one that did cannot serve now."""

    exit_code = 8
