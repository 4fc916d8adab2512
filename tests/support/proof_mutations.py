"""Changes to good bundles, by chance: where they hurt, and blindly.

A bit of the bytes behind a base64url text, a field of what these bytes encode, a number beside the right one, an entry
left out, doubled or exchanged with another, a value of another bundle; or any characters of the text.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from ledger.codec import Value, decode, encode
from ledger.errors import LedgerError, ProofError
from ledger.proof import Facts, TrustRoot, to_base64url, verify_bundle
from ledger.proof.json_text import bytes_of
from tests.support.opened_bundles import closed, opened

KINDS = ("transaction", "head", "statement", "heads", "trace", "origin", "trust", "next", "skip")
_CHARACTERS = 'ABab09-_"{}[],: \\+=.e\u00e9\x00'


def verdict(bundle: Any, trust: TrustRoot) -> Facts | None:
    """Return the facts, or None where the bundle is refused by a named reason."""
    try:
        return verify_bundle(bundle, trust)
    except ProofError:
        return None


def changed_text(text: str, chance: random.Random) -> str:
    """Return the text with one to three characters exchanged, left out or put in."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        position = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                text = text[:position] + text[position + 1 :]
            case 1:
                text = text[:position] + chance.choice(_CHARACTERS) + text[position:]
            case 2:
                text = text[:position] + chr(ord(text[position]) ^ (1 << chance.randrange(7))) + text[position + 1 :]
            case _:
                text = text[:position] + chance.choice(_CHARACTERS) + text[position + 1 :]
    return text


def changed_bundle(original: Any, others: Sequence[Any], chance: random.Random) -> tuple[Any, str]:
    """Return a copy with one place changed, and the name of the field to which the place belongs."""
    # Mostly with the stream of the transactions opened, so that what lies in it is reached.
    form = opened if chance.randrange(8) else dict
    bundle = form(deepcopy(original))
    places = list(_places(bundle))
    holder, step, name = chance.choice(places)
    value = holder[step]
    if others and chance.randrange(8) == 0:
        # What is right elsewhere is the likeliest lie: the same field of another good bundle.
        twins = [(h, s) for h, s, n in _places(form(chance.choice(others))) if n == name]
        if twins:
            other, place = chance.choice(twins)
            holder[step] = deepcopy(other[place])
            return closed(bundle), name
    if isinstance(value, list) and value:
        _change_list(value, chance)
    elif isinstance(value, int):
        holder[step] = chance.choice([value - 1, value + 1, value * 2, 0, 1, 2, 3, 4])
    elif isinstance(value, str) and name not in {"format", "kind", "organisation"}:
        holder[step] = _change_bytes(value, chance)
    elif isinstance(value, str) and name == "organisation":
        holder[step] = value + chance.choice("1x ")
    else:
        holder[step] = chance.choice([None, 0, "", [], {}, *KINDS])
    return closed(bundle), name


def is_same(one: Any, other: Any) -> bool:
    """Say whether two bundles say the same: one JSON with one content of the stream, whatever the order of fields."""
    return json.dumps(opened(one), sort_keys=True) == json.dumps(opened(other), sort_keys=True)


def _change_list(value: list[Any], chance: random.Random) -> None:
    one, other = chance.randrange(len(value)), chance.randrange(len(value))
    match chance.randrange(5):
        case 0:
            del value[one]
        case 1:
            value.insert(other, value[one])
        case 2:
            value[one], value[other] = value[other], value[one]
        case 3:
            value[:] = value[:one]
        case _:
            value[one] = value[other]


def _change_bytes(text: str, chance: random.Random) -> str:
    data = bytearray(bytes_of(text, "text", 1 << 20))
    if not data:
        return "AA"
    changed = _changed_value(bytes(data), chance) if chance.randrange(3) == 0 else None
    if changed is not None:
        return to_base64url(changed)
    position = chance.randrange(len(data))
    match chance.randrange(5):
        case 0:
            del data[position]
        case 1:
            data.insert(position, chance.randrange(256))
        case 2:
            data[position:] = b""
        case _:
            data[position] ^= 1 << chance.randrange(8)
    return to_base64url(bytes(data))


def _changed_value(data: bytes, chance: random.Random) -> bytes | None:
    """Return the encoding of what the bytes encode with one leaf changed; None where they encode nothing of the kind.

    Unlike a flipped bit this leaves a canonical encoding, so that what lies behind the shape gate is reached.
    """
    try:
        value = decode(data)
    except LedgerError:
        return None
    leaves = list(_leaves(value))
    if not leaves:
        return None
    leaf, put = chance.choice(leaves)
    try:
        if isinstance(leaf, bool) or leaf is None:
            put(chance.choice([True, False, None, 0]))
        elif isinstance(leaf, int):
            put(leaf + chance.choice((-1, 1, 2, 256)))
        elif isinstance(leaf, str):
            put(leaf[:-1] + chance.choice("abc1"))
        else:
            assert isinstance(leaf, bytes), "leaves are scalars"
            inner = _changed_value(leaf, chance) if chance.randrange(2) else None
            position = chance.randrange(len(leaf)) if leaf else 0
            flipped = leaf[:position] + bytes([leaf[position] ^ 1]) + leaf[position + 1 :] if leaf else b"\x01"
            put(flipped if inner is None else inner)
        return encode(value)
    except LedgerError:
        return None


def _leaves(value: Value) -> Iterator[tuple[Value, Callable[[Value], None]]]:
    steps: list[Any] = []
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    for step in steps:
        inner = value[step]  # type: ignore[index]  # a map or a list, as the steps are
        if isinstance(inner, dict | list):
            yield from _leaves(inner)
        else:
            yield inner, lambda new, holder=value, step=step: holder.__setitem__(step, new)  # type: ignore[misc]


def _places(value: Any, name: str = "") -> Iterator[tuple[Any, Any, str]]:
    steps: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for step, inner in steps:
        inner_name = step if isinstance(step, str) else name
        yield value, step, inner_name
        yield from _places(inner, inner_name)
