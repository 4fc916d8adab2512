"""Hard limits of the format, the same on every chain; a chain's own parameters may only be tighter.

They bound what a decoder may be made to hold before any signature is checked.
"""

from typing import Final

INTEGER_MAX: Final = (1 << 63) - 1
TRANSACTION_BYTES_MAX: Final = 2 * 1024 * 1024
TRANSACTION_OPERATIONS_MAX: Final = 10_000
BLOCK_TRANSACTIONS_MAX: Final = 10_000
BLOCK_BYTES_MAX: Final = 8 * 1024 * 1024
METHOD_LENGTH_MAX: Final = 64
TRANSACTION_VALIDITY_MS_MAX: Final = 3_600_000
VALIDATORS_MAX: Final = 100

assert TRANSACTION_BYTES_MAX <= BLOCK_BYTES_MAX, "every transaction fits into a block"
