"""The trade of `tradelane demo trade`: who buys what from whom, who carries and watches it, and who changes the money.

A buyer in Hong Kong pays in HKD, a seller in the Philippines is paid in PHP, and a provider gives a signed quote for
the exchange. Everything goes through the client, as each firm's own program would do it.
"""

import json
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any, Final, cast

from cli.actors import HOUR_MS, MINUTE_MS, Actors, Party, now_ms
from cli.story import key_of
from contracts.settlement.quotes import quote_preimage
from ledger.codec import Value, encode
from node.setup import ISSUER
from tradelane import TransactionStatus
from tradelane.amounts import format_amount, parse_amount

GOOD_PALLET: Final = "https://id.gs1.org/00/395211020000004175"
WARM_PALLET: Final = "https://id.gs1.org/00/395211020000004182"
PRICE: Final = "2000.00"
# PHP for one HKD by the European Central Bank's reference rates of 2026-04-13.
RATE: Final = "7.688592130"
EXPONENT: Final = 2

_CARRIER: Final = "carrier"
_FROZEN_MILLI_CELSIUS: Final = -20_000
_THAWING_MILLI_CELSIUS: Final = -12_000
_PROFILE: Final = "frozen"


BUYER: Final = Party("buyer", "Victoria Harbour Foods", "HK", ("retailer",))
SELLER: Final = Party("seller", "General Santos Tuna", "PH", ("maker",))
PROVIDER: Final = Party("provider", "Peak Exchange", "HK", ("payment",))


class Trade(Actors):
    """What the firms and the loggers do, in the order in which it is told."""

    __slots__ = ()

    def join(self) -> None:
        """Let the three firms join."""
        self.join_parties((BUYER, SELLER, PROVIDER))

    def open_accounts(self) -> None:
        """Define both currencies, open the accounts and give the buyer and the provider something to pay with."""
        self.act(
            ISSUER, *(("settlement.define_currency", {"code": code, "exponent": EXPONENT}) for code in ("HKD", "PHP"))
        )
        for who, codes in ((BUYER, ("HKD",)), (SELLER, ("PHP",)), (PROVIDER, ("HKD", "PHP"))):
            accounts = ({"id": f"{who.id}/{code}", "currency": code} for code in codes)
            self.act(who.id, *(("settlement.open_account", account) for account in accounts))
        for account, amount in (("buyer/HKD", "50000.00"), ("provider/PHP", "1000000.00")):
            minor_units = parse_amount(amount, EXPONENT)
            issue = {"id": secrets.token_bytes(16), "account": account, "amount": minor_units}
            self.act(ISSUER, ("settlement.issue", issue))

    def ship(self, pallet: str, logger: str) -> None:
        """Let the seller make a pallet and hand it to the carrier, whose logger watches it since two hours ago."""
        made = {
            "type": "ObjectEvent",
            "action": "ADD",
            "event_time_ms": now_ms() - 3 * HOUR_MS,
            "offset_minutes": 480,
            "epcs": [pallet],
            "biz_step": "commissioning",
        }
        offer = {
            "id": f"to-carrier-{logger}",
            "to": _CARRIER,
            "kind": "custody",
            "items": [pallet],
            "expires_ms": now_ms() + HOUR_MS,
        }
        self.act(SELLER.id, ("provenance.capture", made), ("custody.offer", offer))
        watch = {"device": logger, "thing": pallet, "from_ms": now_ms() - 2 * HOUR_MS, "profile": _PROFILE}
        self.act(
            _CARRIER,
            ("custody.accept", {"id": offer["id"]}),
            *self.new_logger(_CARRIER, logger),
            ("cold_chain.assign", watch),
        )

    def define_profile(self) -> None:
        """Say what frozen means: at most 30 minutes in a row above minus 18 degrees."""
        limit = ["consecutive", "above", -18_000, 30 * MINUTE_MS, "reject"]
        profile = {
            "id": _PROFILE,
            "min_milli_celsius": -30_000,
            "max_milli_celsius": -18_000,
            "gap_ms": 15 * MINUTE_MS,
            "limits": [limit],
        }
        self.act(_CARRIER, ("cold_chain.define_profile", profile))

    def quote(self) -> dict[str, Value]:
        """Return the provider's signed quote: the buyer's HKD into PHP at one rate, for ten minutes."""
        amount = parse_amount(PRICE, EXPONENT)
        terms: dict[str, Value] = {
            "version": 1,
            "id": secrets.token_bytes(16),
            "provider": PROVIDER.id,
            "source_account": "provider/HKD",
            "target_account": "provider/PHP",
            "source_currency": "HKD",
            "target_currency": "PHP",
            "side": "send",
            "rate": RATE,
            "minimum": amount,
            "maximum": amount,
            "capacity": amount,
            "not_before_ms": now_ms() - MINUTE_MS,
            "expires_ms": now_ms() + 10 * MINUTE_MS,
            "max_height": 1_000_000,
            "beneficiary": BUYER.id,
            "nonce": 1,
        }
        key = self.keys[PROVIDER.id]
        chain_id = bytes.fromhex(self.network.chain_id)
        signature = key.sign(quote_preimage(chain_id, encode(terms)))
        return {"terms": terms, "key": key.public_key, "signature": signature}

    def open_escrow(self, pallet: str) -> tuple[str, TransactionStatus]:
        """Let the buyer pay for a pallet when the carrier has delivered it frozen; return the UETR."""
        uetr = str(uuid.uuid4())
        arrival = {
            "kind": "event",
            "things": [pallet],
            "step": "arriving",
            "roles": ["carrier"],
            "cold_chain": "unbroken",
        }
        payment = {
            "uetr": uetr,
            "payer": "buyer/HKD",
            "payee": "seller/PHP",
            "amount": parse_amount(PRICE, EXPONENT),
            "quote": self.quote(),
            "condition": [arrival],
            "deadline_ms": now_ms() + 24 * HOUR_MS,
            "dispute_deadline_ms": now_ms() + 48 * HOUR_MS,
            "default": "refund",
        }
        return uetr, self.act(BUYER.id, ("trade.open", payment))

    def send_readings(self, logger: str, *, thaws: bool) -> TransactionStatus:
        """Send what a logger measured in two hours; where it ``thaws`` there are forty warm minutes in it."""
        start_ms = now_ms() - 2 * HOUR_MS + MINUTE_MS
        readings: list[Value] = []
        for index in range(12):
            is_warm = thaws and 4 <= index <= 8
            value = _THAWING_MILLI_CELSIUS if is_warm else _FROZEN_MILLI_CELSIUS
            readings.append([start_ms + index * 10 * MINUTE_MS, value])
        batch = {"device": logger, "first_sequence": 1, "readings": readings}
        return self.act(logger, ("cold_chain.record_batch", batch))

    def deliver(self, pallet: str) -> TransactionStatus:
        """Let the carrier capture its delivery, an EPCIS document as its own system would send it."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        event = {
            "type": "ObjectEvent",
            "eventTime": moment,
            "eventTimeZoneOffset": "+08:00",
            "action": "OBSERVE",
            "epcList": [pallet],
            "bizStep": "arriving",
            "disposition": "in_progress",
            "readPoint": {"id": "https://id.gs1.org/414/9521105000012"},
        }
        document = {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": moment,
            "epcisBody": {"eventList": [event]},
        }
        return self.client.capture(json.dumps(document).encode(), key_of(self.network, _CARRIER), wait_s=30)

    def balances(self) -> str:
        """Return what the three have, for people."""
        names = ("buyer/HKD", "provider/HKD", "provider/PHP", "seller/PHP")
        accounts = [self.client.account(name) for name in names]
        return ", ".join(f"{one.id} {format_amount(one.balance, one.exponent)}" for one in accounts)


def output_of(status: TransactionStatus) -> dict[str, Any]:
    """Return what the last operation of a transaction gave out."""
    outputs = None if status.receipt is None else status.receipt.outputs
    last = outputs[-1] if isinstance(outputs, list) and outputs else None
    return cast("dict[str, Any]", last) if isinstance(last, dict) else {}
