"""Messages of NTAG 424 DNA tags: who the tag is, how often it was read, and whether it knows its key.

A tag writes into the address that it gives a phone (secure dynamic messaging, AN12196): its UID and a counter that goes
up with every reading, in the open or encrypted under the meta key, perhaps some encrypted data of its file, and a MAC
under the file key. With the keys the message is checked here; whether its counter is new is for whoever keeps the last
one. The MAC proves the tag, not the piece that it is glued to. Keys are the operator's and never on the ledger.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

from standards.errors import TagMessageError
from standards.lrp import BLOCK, Lrp, encrypt_block

KEY_BYTES: Final = 16
UID_BYTES: Final = 7
COUNTER_BYTES: Final = 3
MAC_BYTES: Final = 8
FILE_BYTES_MAX: Final = 256

_LRP_RANDOM_BYTES: Final = 8
_UID_MIRRORED: Final = 0x80
_COUNTER_MIRRORED: Final = 0x40
_SESSION_MAC: Final = bytes.fromhex("3cc300010080")
_SESSION_DATA: Final = bytes.fromhex("c33c00010080")
_SESSION_LRP: Final = (bytes.fromhex("00010080"), bytes.fromhex("1ee1"))


@dataclass(frozen=True, slots=True)
class TagKeys:
    """The keys of a tag; ``meta`` decrypts who it is and is needed only where that is encrypted."""

    file: bytes
    meta: bytes | None = None


@dataclass(frozen=True, slots=True)
class TagReading:
    """What a tag said and proved: its UID, how often it has been read, and the data of its file where it had any."""

    uid: bytes
    counter: int
    file_data: bytes | None = None


def read_plain(uid: bytes, counter: bytes, mac: bytes, keys: TagKeys) -> TagReading:
    """Return the reading of a message that has its UID (7 bytes) and its counter (3 bytes, big-endian) in the open.

    Raises
    ------
    TagMessageError
        ``form``, or ``mac``: it was not made with this key.

    """
    _require_length(uid, UID_BYTES, "the UID")
    _require_length(counter, COUNTER_BYTES, "the counter")
    reading = TagReading(uid, int.from_bytes(counter, "big"))
    _require_mac(_aes_mac(keys.file, reading, b""), mac)
    return reading


def read_encrypted(picc: bytes, mac: bytes, keys: TagKeys, data: bytes = b"", mac_parameter: str = "") -> TagReading:
    """Return the reading of a message whose UID and counter are encrypted: 16 bytes with AES, 24 with LRP.

    ``data`` is encrypted data of the file, which the MAC covers; ``mac_parameter`` is the name that the MAC has in the
    address, covered too, or empty where there is none.

    Raises
    ------
    TagMessageError
        ``form``, ``key``: another meta key encrypted it; ``mac``: it was not made with this file key.

    """
    if keys.meta is None:
        raise TagMessageError("key", "the tag encrypts who it is, and the meta key is missing")
    if len(data) % BLOCK or len(data) > FILE_BYTES_MAX:
        raise TagMessageError(
            "form", f"the data of the file are whole blocks of {BLOCK} bytes, at most {FILE_BYTES_MAX}"
        )
    message = f"{data.hex().upper()}&{mac_parameter}=" if data and mac_parameter else data.hex().upper()
    if len(picc) == BLOCK:
        reading = _read_picc(_cbc_decrypt(keys.meta, bytes(BLOCK), picc))
        _require_mac(_aes_mac(keys.file, reading, message.encode()), mac)
        return TagReading(reading.uid, reading.counter, _aes_data(keys.file, reading, data) if data else None)
    if len(picc) == _LRP_RANDOM_BYTES + BLOCK:
        random, encrypted = picc[:_LRP_RANDOM_BYTES], picc[_LRP_RANDOM_BYTES:]
        reading = _read_picc(Lrp(keys.meta).decrypt(encrypted, random))
        session = _lrp_session(keys.file, reading)
        _require_mac(Lrp(session).mac(message.encode())[1::2], mac)
        counter = _little(reading) + bytes(COUNTER_BYTES)
        return TagReading(reading.uid, reading.counter, Lrp(session, 1).decrypt(data, counter) if data else None)
    raise TagMessageError("form", f"who the tag is has {len(picc)} bytes; it is 16 with AES and 24 with LRP")


def _read_picc(plain: bytes) -> TagReading:
    flags = plain[0]
    # Under another key this byte is chance.
    if flags != _UID_MIRRORED | _COUNTER_MIRRORED | UID_BYTES:
        raise TagMessageError("key", "it does not decrypt to a UID and a counter: another meta key, or no such tag")
    uid = plain[1 : 1 + UID_BYTES]
    return TagReading(uid, int.from_bytes(plain[1 + UID_BYTES : 1 + UID_BYTES + COUNTER_BYTES], "little"))


def _aes_mac(key: bytes, reading: TagReading, message: bytes) -> bytes:
    return _cmac(_cmac(key, _padded(_SESSION_MAC, reading)), message)[1::2]


def _aes_data(key: bytes, reading: TagReading, data: bytes) -> bytes:
    session = _cmac(key, _padded(_SESSION_DATA, reading))
    start = encrypt_block(session, _little(reading).ljust(BLOCK, b"\0"))
    return _cbc_decrypt(session, start, data)


def _lrp_session(key: bytes, reading: TagReading) -> bytes:
    start, end = _SESSION_LRP
    said = start + reading.uid + _little(reading)
    return Lrp(key).mac(said + bytes(-(len(said) + len(end)) % BLOCK) + end)


def _padded(prefix: bytes, reading: TagReading) -> bytes:
    said = prefix + reading.uid + _little(reading)
    return said + bytes(-len(said) % BLOCK)


def _little(reading: TagReading) -> bytes:
    return reading.counter.to_bytes(COUNTER_BYTES, "little")


def _cmac(key: bytes, message: bytes) -> bytes:
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()


def _cbc_decrypt(key: bytes, start: bytes, data: bytes) -> bytes:
    cipher = Cipher(AES(key), CBC(start)).decryptor()
    return cipher.update(data) + cipher.finalize()


def _require_mac(expected: bytes, mac: bytes) -> None:
    _require_length(mac, MAC_BYTES, "the MAC")
    if not hmac.compare_digest(expected, mac):
        raise TagMessageError("mac", "the message was not made with the file key of this tag, or was changed")


def _require_length(value: bytes, length: int, what: str) -> None:
    if len(value) != length:
        raise TagMessageError("form", f"{what} has {len(value)} bytes instead of {length}")
