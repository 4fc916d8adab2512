"""How fast this machine is now: the figures beside which all others are to be read."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from ledger.keys import SecretKey, verify

_HASHED_BYTES: Final = 534  # a full node of the state tree with its domain tag
_SIGNED_BYTES: Final = 100  # about what a vote signs


@dataclass(frozen=True, slots=True)
class Machine:
    """The interpreter, the cores, and one SHA-256 of 534 bytes and one Ed25519 check, both as the ledger calls them."""

    python: str
    cores: int
    sha256_us: float
    ed25519_verify_us: float


def best_us(action: Callable[[], object], rounds: int, calls: int = 1) -> float:
    """Return the microseconds of one call in the fastest of some rounds of calls.

    They are those of the processor in this thread: what waits because another process has the core is not counted.
    """
    times = []
    for _ in range(rounds):
        start = time.thread_time_ns()
        for _ in range(calls):
            action()
        times.append(time.thread_time_ns() - start)
    return min(times) / 1_000 / calls


def measure_machine() -> Machine:
    """Return this machine's figures, in about a tenth of a second."""
    content = bytes(_HASHED_BYTES)
    key = SecretKey(bytes(range(32)))
    message = bytes(_SIGNED_BYTES)
    signature = key.sign(message)
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        sha256_us=best_us(lambda: sha256(content).digest(), rounds=10, calls=2_000),
        ed25519_verify_us=best_us(lambda: verify(key.public_key, message, signature), rounds=10, calls=50),
    )


def faster(one: Machine, other: Machine) -> Machine:
    """Return the better of two measurements of the same machine."""
    return replace(
        one,
        sha256_us=min(one.sha256_us, other.sha256_us),
        ed25519_verify_us=min(one.ed25519_verify_us, other.ed25519_verify_us),
    )
