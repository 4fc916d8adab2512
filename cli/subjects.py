"""What a person names as the subject of a paper or a recall, as the ledger has it: a kind and an identifier."""

import re
from typing import Final

from contracts.provenance.recalls import ITEM, LOT, PRODUCT
from contracts.provenance.subjects import ORGANISATION
from standards.digital_link import canonical_id

_GTIN: Final = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_LINK: Final = re.compile(r"https://id\.gs1\.org/01/([0-9]{14})(/.*)?")
_FIRM: Final = "org:"


def subject_of(name: str) -> tuple[str, str]:
    """Return the kind and the canonical name: a GTIN, a lot, an item in any spelling, or ``org:ID``."""
    if name.startswith(_FIRM):
        return ORGANISATION, name.removeprefix(_FIRM)
    if _GTIN.fullmatch(name):
        return PRODUCT, name.zfill(14)
    canonical = canonical_id(name)
    link = _LINK.fullmatch(canonical)
    if link is not None and link.group(2) is None:
        return PRODUCT, link.group(1)
    is_lot = link is not None and "/21/" not in canonical
    return (LOT if is_lot else ITEM), canonical
