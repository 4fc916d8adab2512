"""The example shipment of examples/README.md, played on a real network: who captures what, who hands over to whom.

Everything here goes through the client, as a firm's own program would do it. Which events a firm captures is said in
examples/README.md; a handover comes when the goods change hands, so that nobody captures an event of things that it
neither holds nor owns, and no rule is broken.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from ledger.transaction import Operation
from node.setup import CURRENCY, CURRENCY_EXPONENT, ISSUER, Network
from tradelane import Client, ConflictError, NotFoundError, TransactionStatus
from tradelane.amounts import parse_amount
from tradelane.keys import SecretKey, load_key

SHIPMENT: Final = "tuna-shipment.json"
SALE: Final = "retail-sale.json"

PACK: Final = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
PACK_GTIN: Final = "09521102002002"
PALLET: Final = "https://id.gs1.org/00/395211020000004175"

OPENING_BALANCE: Final = "50000.00"
PRICE: Final = "1250.00"

_OFFER_VALID_MS: Final = 3_600_000
_FROZEN: Final = {"min_milli_celsius": -60_000, "max_milli_celsius": -18_000}
# GTIN -> who registers it; the names come from the document's master data.
_PRODUCT_OWNERS: Final = {"09521101001006": "maker", "09521102002002": "brand", "19521102002009": "brand"}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of the journey: what one firm captures (events by number, from 1) and what it hands over after that."""

    who: str
    first: int
    last: int
    gives: tuple[str, ...] = ()
    to: str = ""


Tell = Callable[[str], None]


def shipment_document() -> dict[str, Any]:
    """Return the example shipment; raises NotFoundError where this program was installed without it."""
    document: dict[str, Any] = json.loads(example(SHIPMENT))
    return document


def example(name: str) -> bytes:
    """Return a file of examples/, which lies beside this package in a checkout and inside it in a wheel."""
    here = Path(__file__).resolve().parent
    for directory in (here / "examples", here.parent / "examples"):
        if (directory / name).is_file():
            return (directory / name).read_bytes()
    raise NotFoundError("example.missing", f"examples/{name} is not installed here", "run this in a checkout")


def chapters(document: dict[str, Any]) -> tuple[Chapter, ...]:
    """Return the journey. The loins and the cases are taken from the document, so they are written down once."""
    loins = tuple(_events(document)[0]["epcList"])
    return (
        Chapter("maker", 1, 4, loins, "brand"),
        Chapter("brand", 5, 14, (PALLET,), "carrier"),
        Chapter("carrier", 15, 20, (PALLET,), "warehouse"),
        Chapter("warehouse", 21, 24, _cases(document), "retailer"),
        Chapter("retailer", 25, 27),
    )


def sold_things(document: dict[str, Any]) -> tuple[str, ...]:
    """Return what the retailer buys: the cases with all in them, and the packs that it has taken out of one."""
    return (*_cases(document), *_events(document)[25]["childEPCs"])


def open_books(client: Client, network: Network) -> None:
    """Give the retailer money to pay with, once in the life of the network.

    The transfer's id is fixed, so not even a race pays twice; asking first keeps a restart from adding a block.
    """
    if client.account(f"retailer/{CURRENCY}").credits_posted:
        return
    issue = Operation(
        "settlement.issue",
        {
            "id": _fixed_id(network, "opening"),
            "account": f"retailer/{CURRENCY}",
            "amount": parse_amount(OPENING_BALANCE, CURRENCY_EXPONENT),
            "reference": "opening balance",
        },
    )
    client.submit([issue], load_key(network.key_path(ISSUER)))


def register_products(client: Client, network: Network) -> list[str]:
    """Register the products of the shipment, each by its owner, and return their names; those that exist stay."""
    names = []
    for gtin, name in product_names(shipment_document()).items():
        arguments = {"gtin": gtin, "name": name, "storage": dict(_FROZEN), "country_of_origin": "MV"}
        try:
            client.submit(
                [_operation("provenance.register_product", arguments)], key_of(network, _PRODUCT_OWNERS[gtin])
            )
        except ConflictError as error:
            if error.code != "ledger.product_exists":
                raise
        names.append(name)
    return names


def capture_chapter(client: Client, network: Network, document: dict[str, Any], chapter: Chapter) -> TransactionStatus:
    """Capture one firm's stretch of the journey as one transaction signed by it."""
    body = {
        **document,
        "epcisBody": {"eventList": document["epcisBody"]["eventList"][chapter.first - 1 : chapter.last]},
    }
    return client.capture(json.dumps(body, ensure_ascii=False).encode(), key_of(network, chapter.who))


def hand_over(
    client: Client, network: Network, giver: str, taker: str, items: tuple[str, ...], kind: str = "custody"
) -> tuple[TransactionStatus, TransactionStatus]:
    """Offer things and accept them: two transactions, signed by the two firms."""
    offer_id = f"{kind}-{giver}-{taker}-{hashlib.sha256(repr(items).encode()).hexdigest()[:8]}"
    offer = {
        "id": offer_id,
        "to": taker,
        "kind": kind,
        "items": list(items),
        "expires_ms": time.time_ns() // 1_000_000 + _OFFER_VALID_MS,
    }
    offered = client.submit([_operation("custody.offer", offer)], key_of(network, giver))
    accepted = client.submit([_operation("custody.accept", {"id": offer_id})], key_of(network, taker))
    return offered, accepted


def pay(client: Client, network: Network) -> TransactionStatus:
    """Pay the brand for the cases."""
    transfer = {
        "id": _fixed_id(network, "tuna"),
        "debit": f"retailer/{CURRENCY}",
        "credit": f"brand/{CURRENCY}",
        "amount": parse_amount(PRICE, CURRENCY_EXPONENT),
        "currency": CURRENCY,
        "reference": "PO-26-1187",
    }
    return client.submit([_operation("settlement.transfer", transfer)], key_of(network, "retailer"))


def play_shipment(client: Client, network: Network, tell: Tell) -> None:
    """Record the whole journey, unless the pack is on the ledger already."""
    if is_recorded(client, PACK):
        return
    register_products(client, network)
    document = shipment_document()
    for chapter in chapters(document):
        status = capture_chapter(client, network, document, chapter)
        tell(f"{chapter.who} captured events {chapter.first}-{chapter.last} in block {status.height}")
        if chapter.gives:
            hand_over(client, network, chapter.who, chapter.to, chapter.gives)
            tell(f"{chapter.who} handed over to {chapter.to}")
    pay(client, network)
    hand_over(client, network, "brand", "retailer", sold_things(document), "ownership")
    tell(f"retailer paid {PRICE} {CURRENCY} to brand and owns the cases")


def star_page(client: Client, network: Network) -> str | None:
    """Return the address of the consumer page of the pack, or None while it is not recorded."""
    return page_of(network.nodes[0].api, PACK) if is_recorded(client, PACK) else None


def page_of(api: str, identifier: str) -> str:
    """Return where a node shows the thing of a Digital Link to shoppers."""
    return api + identifier.removeprefix("https://id.gs1.org")


def is_recorded(client: Client, identifier: str) -> bool:
    """Say whether the ledger knows a thing."""
    try:
        client.item(identifier)
    except NotFoundError:
        return False
    return True


def product_names(document: dict[str, Any]) -> dict[str, str]:
    """Return the names of the shipment's products by GTIN, out of its master data."""
    vocabularies = document["epcisHeader"]["epcisMasterData"]["vocabularyList"]
    classes = next(entry for entry in vocabularies if entry["type"] == "urn:epcglobal:epcis:vtype:EPCClass")
    return {
        element["id"].rsplit("/", 1)[1]: element["attributes"][0]["attribute"]
        for element in classes["vocabularyElementList"]
    }


def broken_rules(status: TransactionStatus) -> list[str]:
    """Return the rules that captured events broke, as the receipt tells them; the shipment breaks none."""
    outputs = None if status.receipt is None else status.receipt.outputs
    found = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    return [str(violation) for output in found for violation in cast("list[object]", output.get("violations", []))]


def _events(document: dict[str, Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = document["epcisBody"]["eventList"]
    return events


def _cases(document: dict[str, Any]) -> tuple[str, ...]:
    return tuple(_events(document)[22]["childEPCs"])


def _operation(method: str, arguments: dict[str, Any]) -> Operation:
    return Operation(method, arguments)


def _fixed_id(network: Network, purpose: str) -> bytes:
    return hashlib.sha256(f"{network.chain_id} {purpose}".encode()).digest()[:16]


def key_of(network: Network, organisation: str) -> SecretKey:
    """Return the admin key of an organisation of the network."""
    return load_key(network.key_path(organisation))
