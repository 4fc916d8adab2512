"""The story of `tradelane demo seafood`: chilled salmon flies from Norway to Shanghai, through customs and in the cold.

Each firm writes what is its to say: the maker evidences its certificate and an inspectorate verifies its own, the
exporter declares, customs decide, the carrier tells what each leg gave off, a logger tells how cold it was.
"""

import hashlib
from typing import Any, Final

from cli.actors import HOUR_MS, MINUTE_MS, Actors, Party, now_ms
from ledger.codec import Value

FARM: Final = Party("farm", "Lofoten Salmon", "NO", ("maker", "brand"))
INSPECTORATE: Final = Party("inspectorate", "Food Inspectorate of the North", "NO", ("certifier",))
CUSTOMS: Final = Party("customs", "Customs of Shanghai Pudong", "CN", ("customs",))
SHOP: Final = Party("shop", "Huangpu Fresh Market", "CN", ("retailer",))
GTIN: Final = "09506000134376"
BOX: Final = "https://id.gs1.org/00/395060001343700014"
SALMON: Final = tuple(f"https://id.gs1.org/01/{GTIN}/21/{serial}" for serial in ("kP4vXm9Lq2Ws", "bR8nYt3Zc6Hd"))
DECLARATION: Final = "26NO-SHA-000118"
FISH_GRAMS: Final = 5_000

_CARRIER: Final = "carrier"
_LOGGER: Final = "seafood-logger"
_PROFILE: Final = "chilled-0-4"
# Svolvaer, Oslo's airport and that of Shanghai.
_PLACES: Final = ("geo:68.23,14.57", "geo:60.19,11.10", "geo:31.14,121.81")
# Mode, kilometres, milligrams of CO2e a tonne-kilometre: illustrative values, as the page says with its source.
_LEGS: Final = (("road", 1_390, 85_000), ("air", 7_720, 600_000))


class Seafood(Actors):
    """What the firms do, in the order in which it is told."""

    __slots__ = ()

    def join(self) -> None:
        """Let the farm, the inspectorate, customs and the shop join."""
        self.join_parties((FARM, INSPECTORATE, CUSTOMS, SHOP))

    def make(self) -> None:
        """Register the salmon, slaughter two and pack them, and put both certificates on the ledger."""
        storage = {"min_milli_celsius": -1_000, "max_milli_celsius": 4_000, "budget_ms": 2 * HOUR_MS}
        product = {
            "gtin": GTIN,
            "name": "Atlantic salmon, chilled, 5 kg",
            "country_of_origin": "NO",
            "storage": storage,
        }
        more = {"brand": "Lofoten", "hs_code": "030214", "mass_grams": FISH_GRAMS}
        times = {"offset_minutes": 60, "read_point": _PLACES[0]}
        made = {"type": "ObjectEvent", "action": "ADD", "epcs": [*SALMON, BOX], "biz_step": "commissioning", **times}
        packed = {"type": "AggregationEvent", "action": "ADD", "parent": BOX, "children": [*SALMON], **times}
        self.act(
            FARM.id,
            ("provenance.register_product", {**product, **more}),
            ("provenance.capture", {**made, "event_time_ms": now_ms() - 40 * HOUR_MS}),
            ("provenance.capture", {**packed, "biz_step": "packing", "event_time_ms": now_ms() - 39 * HOUR_MS}),
            ("provenance.anchor_document", {**_paper("Responsible farming", "certificate"), "issuer": "Farm Stewards"}),
        )
        self.act(INSPECTORATE.id, ("provenance.issue_document", _paper("Health certificate", "health_certificate")))

    def export(self) -> None:
        """Declare the fish and hand the box to the carrier, whose logger watches one of them."""
        declared: dict[str, Any] = {
            "id": DECLARATION,
            "subjects": [["item", fish] for fish in SALMON],
            "procedure": "import",
            "hs_code": "030214",
            "hs_edition": "HS2022",
            "origin": "NO",
            "from": "NO",
            "to": "CN",
        }
        self.act(FARM.id, ("provenance.declare_customs", declared), self._offer(_CARRIER))
        profile = {
            "id": _PROFILE,
            "min_milli_celsius": -1_000,
            "max_milli_celsius": 4_000,
            "gap_ms": 2 * HOUR_MS,
            "limits": [["consecutive", "above", 7_000, 60 * MINUTE_MS, "reject"]],
        }
        watch = {"device": _LOGGER, "thing": SALMON[0], "from_ms": now_ms() - 36 * HOUR_MS, "profile": _PROFILE}
        self.act(
            _CARRIER,
            ("custody.accept", {"id": f"box-to-{_CARRIER}"}),
            ("cold_chain.define_profile", profile),
            *self.new_logger(_CARRIER, _LOGGER),
            ("cold_chain.assign", watch),
        )

    def carry(self) -> None:
        """Record the readings of a day and a half, and what the road and the flight gave off for the box."""
        readings: list[Value] = [
            [now_ms() - 36 * HOUR_MS + index * HOUR_MS, 1_200 + 150 * (index % 5)] for index in range(36)
        ]
        batch = {"device": _LOGGER, "first_sequence": 1, "readings": readings}
        self.act(_LOGGER, ("cold_chain.record_batch", batch))
        goods: list[Value] = [["item", BOX, 2 * FISH_GRAMS]]
        for number, (mode, kilometres, factor_mg) in enumerate(_LEGS):
            leg: dict[str, Any] = {
                "id": f"{DECLARATION}-{mode}",
                "goods": goods,
                "mode": mode,
                "distance_metres": kilometres * 1_000,
                "factor_mg": factor_mg,
                "data": "default",
                "source": "illustrative values",
                "from_ms": now_ms() - (30 - 12 * number) * HOUR_MS,
                "until_ms": now_ms() - (20 - 12 * number) * HOUR_MS,
            }
            self.act(_CARRIER, ("provenance.record_emissions", leg))

    def arrive(self) -> None:
        """Let customs release the fish, and hand the box to the shop."""
        for hours, step, place in ((28, "departing", _PLACES[1]), (6, "arriving", _PLACES[2])):
            seen = {"type": "ObjectEvent", "action": "OBSERVE", "epcs": [BOX], "biz_step": step, "read_point": place}
            moment = {"event_time_ms": now_ms() - hours * HOUR_MS, "offset_minutes": 0}
            self.act(_CARRIER, ("provenance.capture", {**seen, **moment}))
        self.act(CUSTOMS.id, ("provenance.decide_customs", {"id": DECLARATION, "decision": "released"}))
        self.act(_CARRIER, self._offer(SHOP.id))
        self.act(SHOP.id, ("custody.accept", {"id": f"box-to-{SHOP.id}", "condition": "chilled and intact"}))

    def _offer(self, taker: str) -> tuple[str, dict[str, Any]]:
        offer = {
            "id": f"box-to-{taker}",
            "to": taker,
            "kind": "custody",
            "items": [BOX],
            "expires_ms": now_ms() + HOUR_MS,
        }
        return "custody.offer", offer


def _paper(title: str, kind: str) -> dict[str, Any]:
    subjects: list[Value] = [["product", GTIN]]
    return {"hash": hashlib.sha256(title.encode()).digest(), "kind": kind, "title": title, "subjects": subjects}
