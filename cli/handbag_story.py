"""The story of `tradelane demo handbag`: a bag is sold in Milan, and its code turns up in Shanghai within the hour.

The copy has a good code, for codes can be copied. What it cannot copy is where the bag is: two scans that no traveller
could make show that one of them is of something else.
"""

from typing import Final

from cli.actors import HOUR_MS, Actors, Party, now_ms

ATELIER: Final = Party("atelier", "Atelier Brera", "IT", ("maker", "brand"))
BOUTIQUE: Final = Party("boutique", "Boutique Montenapoleone", "IT", ("retailer",))
GTIN: Final = "09506000134390"
BAG: Final = f"https://id.gs1.org/01/{GTIN}/21/M4hQ7vXc2LpZ"
MADE_UP: Final = f"https://id.gs1.org/01/{GTIN}/21/AAAA1111BBBB"
MILAN: Final = "geo:45.46,9.19"
SHANGHAI: Final = "geo:31.23,121.47"


class Handbag(Actors):
    """What the firms do, in the order in which it is told."""

    __slots__ = ()

    def join(self) -> None:
        """Let the atelier and the boutique join."""
        self.join_parties((ATELIER, BOUTIQUE))

    def make(self) -> None:
        """Register the bag's product and make one."""
        product = {"gtin": GTIN, "name": "Handbag, calf leather", "brand": "Brera", "country_of_origin": "IT"}
        made = {
            "type": "ObjectEvent",
            "action": "ADD",
            "epcs": [BAG],
            "biz_step": "commissioning",
            "event_time_ms": now_ms() - 48 * HOUR_MS,
            "offset_minutes": 60,
            "read_point": MILAN,
        }
        self.act(ATELIER.id, ("provenance.register_product", product), ("provenance.capture", made))

    def sell(self) -> None:
        """Hand the bag to the boutique, which sells it."""
        offer = {"id": "bag-to-boutique", "to": BOUTIQUE.id, "items": [BAG], "expires_ms": now_ms() + HOUR_MS}
        offers = [{**offer, "id": f"{offer['id']}-{kind}", "kind": kind} for kind in ("custody", "ownership")]
        self.act(ATELIER.id, *(("custody.offer", one) for one in offers))
        self.act(BOUTIQUE.id, *(("custody.accept", {"id": one["id"]}) for one in offers))
        sold = {"type": "ObjectEvent", "action": "OBSERVE", "epcs": [BAG], "biz_step": "retail_selling"}
        moment = {"event_time_ms": now_ms() - 1_000, "offset_minutes": 60, "read_point": MILAN}
        self.act(BOUTIQUE.id, ("provenance.capture", {**sold, **moment}))
