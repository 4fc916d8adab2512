"""Random numbers that tell one piece from another: serials for the code outside, codes that are hidden inside.

Both are of 80 random bits or more, so that nobody comes upon one by trying. They are written in the 32 letters and
digits of RFC 4648, none of which is taken for another easily and of which case does not matter.
"""

import base64
import binascii
import secrets
from typing import Final

from contracts.identity.codes import CODE_BYTES, inner_code_commitment
from standards.digital_link import DigitalLink, canonical_id
from tradelane.errors import BadRequestError

SERIAL_BITS: Final = 100
_SERIAL_BYTES: Final = 13
_SERIAL_LENGTH: Final = 20
_GROUP: Final = 4
_CODE_LENGTH: Final = 16


def random_serial() -> str:
    """Return a serial of 20 characters, as many as GS1 allows, with 100 random bits."""
    return base64.b32encode(secrets.token_bytes(_SERIAL_BYTES)).decode()[:_SERIAL_LENGTH]


def serial_link(gtin: str) -> str:
    """Return the Digital Link of a new piece of a product (14 digits)."""
    return DigitalLink("01", gtin, (("21", random_serial()),)).canonical()


def random_code() -> bytes:
    """Return a code to hide inside a piece."""
    return secrets.token_bytes(CODE_BYTES)


def commitment(identifier: str, code: bytes) -> bytes:
    """Return what the ledger may know of a code before it is revealed; the identifier in any spelling."""
    return inner_code_commitment(canonical_id(identifier), code)


def code_text(code: bytes) -> str:
    """Return a code as it is printed: four groups of four characters."""
    text = base64.b32encode(code).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def read_code(text: str) -> bytes:
    """Return the code that a person typed in, in any case, with or without the dashes; raises BadRequestError."""
    plain = "".join(text.split()).replace("-", "").upper()
    # What nobody prints and people type for it.
    plain = plain.replace("0", "O").replace("1", "I")
    try:
        if len(plain) != _CODE_LENGTH:
            raise ValueError(f"it has {len(plain)} characters")
        return base64.b32decode(plain)
    except (ValueError, binascii.Error) as error:
        raise BadRequestError(
            "code.malformed", f"{text[:40]!r} is no inner code: {error}", "type its 16 letters and digits 2 to 7"
        ) from error
