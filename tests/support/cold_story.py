"""A pack that a logger watches: too warm for half an hour, then two readings that nobody got, on a running node."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.keys import SecretKey, signed_preimage
from ledger.transaction import Operation
from tests.support.running_node import RunningNode
from tests.unit.test_node_api_problems import document, event

GTIN = "09521102002002"
PACK = f"https://id.gs1.org/01/{GTIN}/21/C1"
OTHER = f"https://id.gs1.org/01/{GTIN}/21/C2"
INNER = f"https://id.gs1.org/01/{GTIN}/21/C3"
DEVICE, PROFILE = "logger/7", "fridge-2-8"
MINUTE_MS = 60_000
LIMITS: list[list[Any]] = [
    ["consecutive", "above", 8_000, 30 * MINUTE_MS, "quarantine"],
    ["consecutive", "below", -500, 60 * MINUTE_MS, "reject"],
]
FIRST = ((0, 5_000), (10, 5_000), (20, 9_000), (30, 9_500), (40, 9_200), (50, 5_000))
# The sequence numbers 7 and 8 are missing before these.
SECOND = ((80, 5_000), (90, 4_500))


@dataclass(frozen=True)
class ColdStory:
    """The device's key and when its watch begins."""

    key: SecretKey
    from_ms: int

    def readings(self, rows: tuple[tuple[int, int], ...]) -> list[list[int]]:
        """Return rows of (minute of the watch, temperature) as the ledger takes them."""
        return [[self.from_ms + minute * MINUTE_MS, value] for minute, value in rows]

    def batch(self, first: int, rows: tuple[tuple[int, int], ...]) -> Operation:
        """Return the operation that records rows."""
        arguments: dict[str, Any] = {
            "device": DEVICE,
            "first_sequence": first,
            "readings": self.readings(rows),
        }
        return Operation("cold_chain.record_batch", arguments)


def prepare(node: RunningNode) -> ColdStory:
    """Register what the story needs: the product with a budget of two hours, two packs of it, device and profile."""
    chain_id = node.node.chain.chain_id
    story = ColdStory(SecretKey(b"logger 7".ljust(32, b".")), node.node.now_ms() - 120 * MINUTE_MS)
    storage: dict[str, Any] = {"min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "budget_ms": 120 * MINUTE_MS}
    key = story.key.public_key
    node.commit(
        "brand",
        Operation("provenance.register_product", {"gtin": GTIN, "name": "Salmon, fresh", "storage": storage}),
        Operation(
            "membership.add_key",
            {
                "key": key,
                "purpose": "device",
                "methods": ["cold_chain.record_batch"],
                "proof": story.key.sign(signed_preimage("possession", chain_id, b"brand")),
            },
        ),
        Operation(
            "cold_chain.register_device",
            {
                "id": DEVICE,
                "key": key,
                "calibrated_from_ms": story.from_ms - 1,
                "calibrated_until_ms": story.from_ms + 10**9,
            },
        ),
        Operation(
            "cold_chain.define_profile",
            {
                "id": PROFILE,
                "min_milli_celsius": 2_000,
                "max_milli_celsius": 8_000,
                "gap_ms": 15 * MINUTE_MS,
                "limits": list(LIMITS),
            },
        ),
    )
    made = event("cold-made", action="ADD", epcList=[PACK, OTHER, INNER])
    assert node.capture(document(made)).status_code == 200
    return story


def packing(name: str, time_ms: int, action: str) -> dict[str, Any]:
    """Return the packing or the unpacking of the inner pack, which rides in the one that is watched."""
    time = datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = event(name, type="AggregationEvent", action=action, eventTime=time, parentID=PACK, childEPCs=[INNER])
    return {key: value for key, value in told.items() if key != "epcList"}


def tell(node: RunningNode) -> ColdStory:
    """Let the whole story happen."""
    story = prepare(node)
    watched: dict[str, Any] = {"device": DEVICE, "thing": PACK, "from_ms": story.from_ms, "profile": PROFILE}
    node.commit("brand", Operation("cold_chain.assign", watched))
    node.commit(story.key, story.batch(1, FIRST))
    node.commit(story.key, story.batch(9, SECOND))
    for action, minute in (("ADD", 15), ("DELETE", 55)):
        moved = packing(f"cold-{action.lower()}", story.from_ms + minute * MINUTE_MS, action)
        assert node.capture(document(moved)).status_code == 200
    return story
