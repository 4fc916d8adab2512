"""Files about the parties of a payment: sealed data, its key, attestations. No error repeats what stands in them."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final, cast

from cli.files import read_file, write_file
from contracts.results import Rejected
from contracts.settlement.attestations import read_attestation
from ledger.codec import Value
from ledger.errors import LedgerError
from ledger.readable import Json, from_json, to_json
from node.setup import write_private
from tradelane import BadRequestError, SealedData, SealedKey

_DATA_FORMAT: Final = "tradelane-sealed-data/1"
_KEY_FORMAT: Final = "tradelane-sealed-key/1"
_ATTESTATION_FORMAT: Final = "tradelane-attestation/1"
_SIZE_BYTES_MAX: Final = 256 * 1024


def write_sealed(data_file: Path, sealed: SealedData, key_file: Path, sealed_key: SealedKey) -> None:
    """Write sealed data and its key, the key for its owner's eyes; never over a file."""
    shares = [{"recipient": recipient.hex(), "share": _text(share)} for recipient, share in sealed_key.shares]
    commitment = sealed.commitment.hex()
    documents = (
        (key_file, {"format": _KEY_FORMAT, "commitment": commitment, "shares": shares}),
        (data_file, {"format": _DATA_FORMAT, "commitment": commitment, "ciphertext": _text(sealed.ciphertext)}),
    )
    for file, document in documents:
        try:
            write_private(file, json.dumps(document, indent=2) + "\n")
        except OSError as error:
            raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", "name another file") from error


def read_sealed_data(file: Path) -> SealedData:
    """Return sealed data; raises BadRequestError."""
    document = _read(file, _DATA_FORMAT)
    try:
        return SealedData(bytes.fromhex(document["commitment"]), _bytes(document["ciphertext"]))
    except (ValueError, KeyError, TypeError):
        raise _broken(file, _DATA_FORMAT) from None


def read_sealed_key(file: Path) -> SealedKey:
    """Return the key of sealed data; raises BadRequestError."""
    document = _read(file, _KEY_FORMAT)
    try:
        shares = tuple((bytes.fromhex(one["recipient"]), _bytes(one["share"])) for one in document["shares"])
        return SealedKey(bytes.fromhex(document["commitment"]), shares)
    except (ValueError, KeyError, TypeError):
        raise _broken(file, _KEY_FORMAT) from None


def erase_sealed_key(file: Path) -> SealedKey:
    """Overwrite the key of sealed data and remove it, and nothing that is no such key; raises BadRequestError."""
    sealed_key = read_sealed_key(file)
    try:
        with file.open("r+b") as opened:
            opened.write(bytes(os.fstat(opened.fileno()).st_size))
            opened.flush()
            os.fsync(opened.fileno())
        file.unlink()
    except OSError as error:
        raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", "check who owns it") from error
    return sealed_key


def write_attestation_file(file: Path, attestation: dict[str, Value]) -> None:
    """Write a signed attestation; raises BadRequestError."""
    document = {"format": _ATTESTATION_FORMAT, "attestation": to_json(attestation)}
    write_file(file, json.dumps(document, indent=2) + "\n")


def read_parties(originator: Path | None, beneficiary: Path | None, attestations: list[Path]) -> dict[str, Value]:
    """Return the arguments of a payment about its parties, those that are given; raises BadRequestError."""
    given = {"originator": originator, "beneficiary": beneficiary}
    said: dict[str, Value] = {
        name: read_sealed_data(file).commitment for name, file in given.items() if file is not None
    }
    if attestations:
        said["attestations"] = [_read_attestation_file(file) for file in attestations]
    return said


def _read_attestation_file(file: Path) -> Value:
    document = _read(file, _ATTESTATION_FORMAT)
    try:
        value = from_json(cast(Json, document["attestation"]))
        read_attestation(value, "attestation")
    except (Rejected, LedgerError, ValueError, KeyError, TypeError, RecursionError):
        raise _broken(file, _ATTESTATION_FORMAT) from None
    return value


def _read(file: Path, expected: str) -> dict[str, Any]:
    text = read_file(file, _SIZE_BYTES_MAX)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _broken(file, expected) from None
    if not isinstance(document, dict) or document.get("format") != expected:
        raise _broken(file, expected)
    return document


def _broken(file: Path, expected: str) -> BadRequestError:
    return BadRequestError("party.file", f"{file} is no {expected} file", "give one that `tradelane party` wrote")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
