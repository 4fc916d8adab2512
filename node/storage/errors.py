"""What can be wrong with a node's disk; each message says what to do next."""


class StorageError(Exception):
    """The disk cannot be trusted or written; the node must not go on."""


class NotInitialisedError(StorageError):
    """There is no ledger in the directory."""


class AlreadyInitialisedError(StorageError):
    """There is a ledger in the directory already."""


class LockedError(StorageError):
    """Another process holds the directory."""


class DamagedError(StorageError):
    """What is stored contradicts itself; the message names the height where it is known."""
