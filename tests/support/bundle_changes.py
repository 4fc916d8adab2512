"""How bundles are changed to make bad ones: copies with one thing altered."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ledger.block import Header, decode_header
from ledger.codec import decode
from ledger.proof.json_text import bytes_of, to_base64url
from tests.support.chain_builder import ChainBuilder
from tests.support.opened_bundles import closed, opened


@dataclass(frozen=True, slots=True)
class BadBundle:
    """A bundle (or the text of one) and the code with which it must be refused."""

    name: str
    reason: str
    bundle: Any
    trust: str = "toy"
    time_ms_min: int = 0
    height_min: int = 0


def altered(name: str, reason: str, bundle: Any, change: Callable[[Any], object]) -> BadBundle:
    """Return a copy of a bundle that a function has changed; it sees the transactions as a list."""
    copy = opened(deepcopy(bundle))
    change(copy)
    copy = closed(copy)
    assert json.dumps(copy) != json.dumps(bundle), f"{name} changes nothing"
    return BadBundle(name, reason, copy)


def with_bytes(
    name: str, reason: str, bundle: Any, path: Sequence[str | int], change: Callable[[bytes], bytes]
) -> BadBundle:
    """Return a copy in which other bytes stand behind the base64url text at a path of names and places."""

    def apply(copy: Any) -> None:
        holder = copy
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = to_base64url(change(bytes_of(holder[path[-1]], str(path[-1]), 1 << 20)))

    return altered(name, reason, bundle, apply)


def header_entry(builder: ChainBuilder, header: Header) -> dict[str, str]:
    """Return a header with the certificate that the validators of a chain, asked to lie, would sign."""
    return {"header": to_base64url(header.encoded), "certificate": to_base64url(builder.certificate(header).encode())}


def header_of(bundle: Any) -> Header:
    """Return the header of a bundle."""
    return decode_header(bytes_of(bundle["header"], "header", 1024))


def flipped(text: str) -> str:
    """Return base64url with one bit of its first byte changed."""
    data = bytes_of(text, "text", 4096)
    return to_base64url(bytes([data[0] ^ 1]) + data[1:])


def fields_of_encoded(data: bytes) -> list[Any]:
    """Return the fields of an encoded header or certificate."""
    value = decode(data)
    assert isinstance(value, list), "headers and certificates are arrays"
    return list(value)
