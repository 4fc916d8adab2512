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


class PrunedError(Exception):
    """The body of a block was given up to save room; nothing is wrong, and other nodes may have it."""

    def __init__(self, height: int, earliest_height: int) -> None:
        super().__init__(
            f"the body of block {height} was pruned here, the earliest is that of block {earliest_height}; ask a node "
            f"that keeps all blocks"
        )
        self.height = height
        self.earliest_height = earliest_height
