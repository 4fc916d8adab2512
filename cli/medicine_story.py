"""The story of `tradelane demo medicine`: two packs of a vaccine go out, one freezes on the way, both are recalled.

A freeze is worse than warmth: it spoils the vaccine and nobody sees it. The limit is the profile's, the verdict the
contract's, and the recall its maker's.
"""

import hashlib
from typing import Any, Final

from cli.actors import HOUR_MS, MINUTE_MS, Actors, Party, now_ms
from ledger.codec import Value

MAKER: Final = Party("vaccines", "Alpine Biologics", "CH", ("maker", "brand"))
CERTIFIER: Final = Party("inspector", "Inspectorate for Medicines", "CH", ("certifier",))
PHARMACY: Final = Party("pharmacy", "Rhine Hospital Pharmacy", "DE", ("retailer",))
GTIN: Final = "09506000134352"
GOOD_PACK: Final = f"https://id.gs1.org/01/{GTIN}/21/q7Wn2RcT9vLx4sKd"
FROZEN_PACK: Final = f"https://id.gs1.org/01/{GTIN}/21/Z3hJp8YtB6mEf1uA"
RECALL: Final = "freeze-in-transit"
RELEASE: Final = b"Batch release certificate of the vaccine's lot, number 2026-118\n"

_CARRIER: Final = "carrier"
_PROFILE: Final = "vaccine-2-8"


class Medicine(Actors):
    """What the firms do, in the order in which it is told."""

    __slots__ = ()

    def join(self) -> None:
        """Let the maker, the inspectorate and the pharmacy join."""
        self.join_parties((MAKER, CERTIFIER, PHARMACY))

    def make(self) -> None:
        """Register the vaccine, make two packs, and let the inspectorate certify their product."""
        storage = {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "budget_ms": 10 * HOUR_MS}
        product = {"gtin": GTIN, "name": "Influenza vaccine, 0.5 ml", "brand": "Alpine", "storage": storage}
        made = {
            "type": "ObjectEvent",
            "action": "ADD",
            "event_time_ms": now_ms() - 6 * HOUR_MS,
            "offset_minutes": 60,
            "epcs": [GOOD_PACK, FROZEN_PACK],
            "biz_step": "commissioning",
        }
        self.act(MAKER.id, ("provenance.register_product", product), ("provenance.capture", made))
        released: dict[str, Any] = {
            "hash": hashlib.sha256(RELEASE).digest(),
            "kind": "certificate",
            "title": "Batch release",
            "reference": "2026-118",
            "subjects": [["product", GTIN]],
        }
        self.act(CERTIFIER.id, ("provenance.issue_document", released))

    def ship(self) -> None:
        """Hand both packs to the carrier, whose loggers watch one each since two hours ago."""
        limits: list[Value] = [
            ["consecutive", "above", 8_000, 60 * MINUTE_MS, "quarantine"],
            ["consecutive", "below", -500, 30 * MINUTE_MS, "reject"],
        ]
        profile = {
            "id": _PROFILE,
            "min_milli_celsius": 2_000,
            "max_milli_celsius": 8_000,
            "gap_ms": 15 * MINUTE_MS,
            "limits": limits,
        }
        offer = {
            "id": "vaccine-to-carrier",
            "to": _CARRIER,
            "kind": "custody",
            "items": [GOOD_PACK, FROZEN_PACK],
            "expires_ms": now_ms() + HOUR_MS,
        }
        self.act(MAKER.id, ("custody.offer", offer))
        since = {"from_ms": now_ms() - 2 * HOUR_MS, "profile": _PROFILE}
        watches = [
            ("cold_chain.assign", {"device": logger, "thing": pack, **since})
            for pack, logger in ((GOOD_PACK, "vaccine-logger-1"), (FROZEN_PACK, "vaccine-logger-2"))
        ]
        self.act(
            _CARRIER,
            ("custody.accept", {"id": offer["id"]}),
            ("cold_chain.define_profile", profile),
            *self.new_logger(_CARRIER, "vaccine-logger-1"),
            *self.new_logger(_CARRIER, "vaccine-logger-2"),
            *watches,
        )

    def send_readings(self) -> None:
        """Send two hours of readings of both loggers: one lay against the dry ice for fifty minutes."""
        start_ms = now_ms() - 2 * HOUR_MS + MINUTE_MS
        for logger, is_frozen in (("vaccine-logger-1", False), ("vaccine-logger-2", True)):
            readings: list[Value] = []
            for index in range(12):
                is_cold = is_frozen and 4 <= index <= 9
                readings.append([start_ms + index * 10 * MINUTE_MS, -2_400 if is_cold else 4_800])
            self.act(logger, ("cold_chain.record_batch", {"device": logger, "first_sequence": 1, "readings": readings}))

    def recall(self) -> None:
        """Recall the consignment: what lay beside a frozen pack is not given to anybody either."""
        recall: dict[str, Any] = {
            "id": RECALL,
            "targets": [["item", GOOD_PACK], ["item", FROZEN_PACK]],
            "severity": "stop",
            "reason": "A pack of the consignment froze on the way.",
            "texts": {"en": "Do not inject it. Send it back to Alpine Biologics."},
        }
        self.act(MAKER.id, ("provenance.open_recall", recall))
