"""The kinds of heads that contracts keep, and the keys that they stand under (fields: docs/contracts.md)."""

from typing import Final

from ledger.state import KEY_SEPARATOR, head_key

PARAMETERS: Final = head_key("parameters")
VALIDATORS: Final = head_key("validators")
EXPIRY_PREFIX: Final = head_key("expiry") + KEY_SEPARATOR
OFFER_EXPIRY_PREFIX: Final = head_key("offer_expiry") + KEY_SEPARATOR
WAITING_PREFIX: Final = head_key("waiting") + KEY_SEPARATOR


def organisation(identifier: str) -> bytes:
    """Return the key of an organisation."""
    return head_key("organisation", identifier)


def public_key(key: bytes) -> bytes:
    """Return the key of a registered public key (32 bytes)."""
    return head_key("key", key.hex())


def permission(method: str) -> bytes:
    """Return the key of the roles that may call a method."""
    return head_key("permission", method)


def proposal(identifier: str) -> bytes:
    """Return the key of a governance proposal."""
    return head_key("proposal", identifier)


def validator(key: bytes) -> bytes:
    """Return the key of the terms of a validator (32-byte public key) that joined or left by governance."""
    return head_key("validator", key.hex())


def evidence(validator_key: bytes, height: int, view: int, kind: str) -> bytes:
    """Return the key of a double vote; numbers are padded so that a validator's stand in the order of heights."""
    return head_key("evidence", validator_key.hex(), f"{height:019d}", f"{view:010d}", kind)


def product(gtin: str) -> bytes:
    """Return the key of a product."""
    return head_key("product", gtin)


def item(identifier: str) -> bytes:
    """Return the key of an instance: an item, a logistic unit, an asset, whatever an event names singly."""
    return head_key("item", identifier)


def lot(identifier: str) -> bytes:
    """Return the key of a class of things that events name by quantity."""
    return head_key("lot", identifier)


def content(parent: str, child: str) -> bytes:
    """Return the key of the link between a parent and a thing packed in it."""
    return head_key("content", parent, child)


def association(parent: str, child: str) -> bytes:
    """Return the key of the link between a parent and a thing installed in or on it."""
    return head_key("association", parent, child)


def lot_content(parent: str, class_id: str) -> bytes:
    """Return the key of the link between a parent and an amount of a class packed in it."""
    return head_key("lot_content", parent, class_id)


def event(*key: str) -> bytes:
    """Return the key of a captured event: its event id, or ``content`` and the hash of its content in hexadecimal."""
    return head_key("event", *key)


def declaration(*key: str) -> bytes:
    """Return the key of the error declaration about an event, named as for ``event``."""
    return head_key("declaration", *key)


def capture(document_hash: bytes, organisation_id: str) -> bytes:
    """Return the key of what an organisation has captured of a document (hash of 32 bytes) that comes in parts."""
    return head_key("capture", document_hash.hex(), organisation_id)


def offer(identifier: str) -> bytes:
    """Return the key of an offer of custody or ownership."""
    return head_key("offer", identifier)


def device(identifier: str) -> bytes:
    """Return the key of a measuring device."""
    return head_key("device", identifier)


def device_key(key: bytes) -> bytes:
    """Return the key of the device that a public key (32 bytes) signs for."""
    return head_key("device_key", key.hex())


def cold_profile(identifier: str) -> bytes:
    """Return the key of a cold chain profile."""
    return head_key("cold_profile", identifier)


def cold_watch(device_id: str, thing: str, from_ms: int) -> bytes:
    """Return the key of what one device has found about a thing from a time on (padded to stand in its order)."""
    return head_key("cold_watch", device_id, thing, f"{from_ms:019d}")


def cold_record(thing: str) -> bytes:
    """Return the key of the whole of a thing's cold chain."""
    return head_key("cold_record", thing)


def cold_breach(thing: str, number: int) -> bytes:
    """Return the key of a breach, numbered from 1 and padded so that they stand in order."""
    return head_key("cold_breach", thing, f"{number:010d}")


def recall(identifier: str) -> bytes:
    """Return the key of a recall."""
    return head_key("recall", identifier)


def recalled(kind: str, identifier: str) -> bytes:
    """Return the key under which recalls of a product (by GTIN), a lot or an item stand, as long as any does."""
    return head_key("recalled", kind, identifier)


def document(document_hash: bytes) -> bytes:
    """Return the key of what organisations say of a document (hash of 32 bytes)."""
    return head_key("document", document_hash.hex())


def documented(kind: str, identifier: str) -> bytes:
    """Return the key of the documents about a product (by GTIN), a lot, an item or an organisation."""
    return head_key("documented", kind, identifier)


def customs_declaration(identifier: str) -> bytes:
    """Return the key of a customs declaration."""
    return head_key("customs_declaration", identifier)


def declared(kind: str, identifier: str) -> bytes:
    """Return the key of the customs declarations about a subject, as for ``documented``."""
    return head_key("declared", kind, identifier)


def emission(identifier: str) -> bytes:
    """Return the key of what a leg of transport or a hub gave off."""
    return head_key("emission", identifier)


def emitted(kind: str, identifier: str) -> bytes:
    """Return the key of the emissions that name a lot or an item."""
    return head_key("emitted", kind, identifier)


def links(level: str) -> bytes:
    """Return the key of the links that were published for a product, a lot or an item (canonical identifier)."""
    return head_key("links", level)


def tag(uid: bytes) -> bytes:
    """Return the key of an NFC tag by its UID (7 bytes)."""
    return head_key("tag", uid.hex())


def inner_code(identifier: str) -> bytes:
    """Return the key of what is known of the code hidden inside a piece."""
    return head_key("inner_code", identifier)


def scan_counts(organisation: str, hour_ms: int) -> bytes:
    """Return the key of the scans that an organisation counted in the hour that began at a time."""
    return head_key("scan_counts", organisation, f"{hour_ms:015d}")


def currency(code: str) -> bytes:
    """Return the key of a currency."""
    return head_key("currency", code)


def account(identifier: str) -> bytes:
    """Return the key of an account."""
    return head_key("account", identifier)


def transfer(identifier: bytes) -> bytes:
    """Return the key of a transfer (16 bytes)."""
    return head_key("transfer", identifier.hex())


def failed_transfer(organisation: str, identifier: bytes) -> bytes:
    """Return the key under which a transfer id (16 bytes) failed for good, for the organisation that used it."""
    return head_key("failed_transfer", organisation, identifier.hex())


def held_amount(identifier: bytes) -> bytes:
    """Return the key of the hold that a pending transfer (16 bytes) placed."""
    return head_key("hold", identifier.hex())


def expiry(expires_ms: int, identifier: bytes) -> bytes:
    """Return the key by which a hold is found when its time has come (padded to stand in the order of time)."""
    return head_key("expiry", f"{expires_ms:019d}", identifier.hex())


def offer_expiry(expires_ms: int, identifier: str) -> bytes:
    """Return the key by which an offer of goods is found when its time has come (padded as for ``expiry``)."""
    return head_key("offer_expiry", f"{expires_ms:019d}", identifier)


def open_offers(organisation: str) -> bytes:
    """Return the key of how many offers of an organisation are open."""
    return head_key("open_offers", organisation)


def quote(provider: str, identifier: bytes) -> bytes:
    """Return the key of how much of a provider's quote (id of 16 bytes) was used."""
    return head_key("quote", provider, identifier.hex())


def quote_floor(provider: str) -> bytes:
    """Return the key of the nonce below which a provider's quotes are cancelled."""
    return head_key("quote_floor", provider)


def reference_rate(source_currency: str, target_currency: str) -> bytes:
    """Return the key of the rate that the costs of payments are measured against."""
    return head_key("reference_rate", source_currency, target_currency)


def corridor(source_currency: str, target_currency: str, side: str) -> bytes:
    """Return the key of the rules that one side ("source" or "target") has set for a corridor."""
    return head_key("corridor", source_currency, target_currency, side)


def velocity(organisation: str, source_currency: str, target_currency: str) -> bytes:
    """Return the key of what an organisation paid through a corridor lately."""
    return head_key("velocity", organisation, source_currency, target_currency)


def watch(account: str, source_currency: str, target_currency: str, side: str) -> bytes:
    """Return the key of what an account paid ("source") or was paid ("target") through a watched corridor lately."""
    return head_key("watch", account, source_currency, target_currency, side)


def screening_list(identifier: str) -> bytes:
    """Return the key of the version of a list that parties are screened by."""
    return head_key("screening_list", identifier)


def netting_window(currency_code: str, identifier: str) -> bytes:
    """Return the key of a window in which obligations of one currency are collected and settled."""
    return head_key("netting_window", currency_code, identifier)


def netting_entry(currency_code: str, window: str, number: int) -> bytes:
    """Return the key of one obligation of a window, numbered from 1 and padded so that they stand in order."""
    return head_key("netting_entry", currency_code, window, f"{number:010d}")


def obligation(identifier: bytes) -> bytes:
    """Return the key of an obligation (16 bytes), whichever window it is in."""
    return head_key("obligation", identifier.hex())


def payment(identifier: str) -> bytes:
    """Return the key of a payment by its unique end-to-end transaction reference."""
    return head_key("payment", identifier)


def uetr(identifier: str) -> bytes:
    """Return the key of the transfer or payment that used a unique end-to-end transaction reference."""
    return head_key("uetr", identifier)


def waiting(thing: str) -> bytes:
    """Return the key under which the payments that wait for a thing stand, as long as any does."""
    return head_key("waiting", thing)
