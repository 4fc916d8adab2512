"""Papers as the read side shows them: what organisations say of a document, and the documents about something."""

from collections.abc import Callable, Iterable
from typing import cast

from contracts import heads
from contracts.identifiers import lot_of, product_of
from contracts.provenance.recalls import PRODUCT
from contracts.provenance.subjects import ORGANISATION, Subject
from ledger.state import Head
from node.queries import JsonObject, find_thing, get_head, head_json
from node.recalls import targets_of
from node.storage.store import Store
from standards.digital_link import canonical_id


def document(store: Store, document_hash: bytes) -> JsonObject | None:
    """Return what organisations say of a document, or None where none ever did."""
    head = get_head(store, heads.document(document_hash))
    return None if head is None else {"hash": document_hash.hex(), **head_json(head)}


def documents(store: Store, name: str) -> list[JsonObject]:
    """Return the documents about what a name stands for, each once, those about the thing itself first."""
    found = papers(store, heads.documented, subjects_of(store, name))
    shown = [document(store, cast(bytes, paper)) for paper in found]
    return [one for one in shown if one is not None]


def declarations(store: Store, name: str) -> list[JsonObject]:
    """Return the customs declarations about what a name stands for, each once."""
    found = []
    for identifier in cast("list[str]", papers(store, heads.declared, subjects_of(store, name))):
        head = get_head(store, heads.customs_declaration(identifier))
        assert head is not None, "what is listed was declared"
        found.append({"id": identifier, **head_json(head)})
    return found


def papers(store: Store, key: Callable[[str, str], bytes], subjects: Iterable[Subject]) -> list[object]:
    """Return the papers of one sort that stand under subjects, each once."""
    found: dict[object, None] = {}
    for subject in subjects:
        head: Head = get_head(store, key(*subject)) or {"papers": []}
        found.update(dict.fromkeys(cast("list[object]", head["papers"])))
    return list(found)


def subjects_of(store: Store, name: str) -> tuple[Subject, ...]:
    """Return what papers of a name may be about: a thing with its lot and product, a product, an organisation."""
    if "\0" in name:
        return ()
    if name.isascii() and name.isdigit() and len(name) in (8, 12, 13, 14):
        return ((PRODUCT, name.zfill(14)), (ORGANISATION, name))
    identifier = canonical_id(name)
    thing = find_thing(store, identifier)
    if thing is not None:
        gtin, lot = (cast("str | None", thing.head.get(field)) for field in ("product", "lot"))
        return targets_of(thing.identifier, thing.kind, gtin, lot)
    gtin = product_of(identifier)
    if gtin is None:
        return ((ORGANISATION, name),)
    kind = "item" if "/21/" in identifier else "lot"
    return targets_of(identifier, kind, gtin, lot_of(identifier))
