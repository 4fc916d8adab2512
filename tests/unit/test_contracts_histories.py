"""What has a history: every operation that changes a party, a product or a device is a record of it."""

from typing import Any

from contracts import heads
from tests.support.contract_situations import GTIN
from tests.support.contracts_world import START_MS, World, key_of, sscc
from tests.support.contracts_world import add as commission


def count(world: World, key: bytes) -> object:
    head = world.get(key)
    assert head is not None
    return head.get("count", 0)


def test_what_founders_did_has_no_record_and_what_is_done_later_has() -> None:
    world = World()
    party = heads.organisation("carrier")
    assert count(world, party) == 0
    key = key_of("second")
    add: Any = {"key": key.public_key, "proof": world.proof("second", "carrier"), "purpose": "operator"}
    for number, (method, arguments) in enumerate(
        (
            ("membership.update_organisation", {"country": "NO"}),
            ("membership.add_key", add),
            ("membership.revoke_key", {"key": key.public_key}),
        ),
        start=1,
    ):
        world.must("carrier", (method, arguments))
        assert count(world, party) == number, method
    world.propose("membership.suspend_organisation", {"id": "watcher"})
    assert count(world, heads.organisation("watcher")) == 1
    (entry,) = [entry for entry in world.records if entry.key == heads.organisation("watcher")]
    assert (entry.count, entry.transaction_index, entry.operation_index) == (1, 0, 0)


def test_a_product_has_every_change_in_its_history() -> None:
    world = World()
    world.must("maker", ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine"}))
    world.must("maker", ("provenance.update_product", {"gtin": GTIN, "brand": "B"}))
    assert count(world, heads.product(GTIN)) == 2


def test_a_device_has_its_whole_life_in_its_history() -> None:
    world = World()
    sensor = key_of("sensor")
    calibration: Any = {"calibrated_from_ms": START_MS - 1, "calibrated_until_ms": START_MS + 10**9}
    profile: Any = {"id": "p", "min_milli_celsius": 2_000, "max_milli_celsius": 8_000, "gap_ms": 10**6, "limits": []}
    proof = world.proof("sensor", "carrier")
    register: Any = {
        "key": sensor.public_key,
        "proof": proof,
        "purpose": "device",
        "methods": ["cold_chain.record_batch"],
    }
    world.must("carrier", ("membership.add_key", register))
    world.must("carrier", commission(sscc(1)))
    world.must("carrier", ("cold_chain.define_profile", profile))
    device = heads.device("d")
    steps: tuple[tuple[str, str, Any], ...] = (
        ("carrier", "cold_chain.register_device", {"id": "d", "key": sensor.public_key, **calibration}),
        ("carrier", "cold_chain.assign", {"device": "d", "thing": sscc(1), "from_ms": START_MS, "profile": "p"}),
        ("sensor", "cold_chain.record_batch", {"device": "d", "first_sequence": 1, "readings": [[START_MS, 5_000]]}),
        (
            "carrier",
            "cold_chain.release",
            {"device": "d", "thing": sscc(1), "from_ms": START_MS, "until_ms": START_MS + 9},
        ),
        ("carrier", "cold_chain.revoke_device", {"id": "d"}),
    )
    for number, (signer, method, arguments) in enumerate(steps, start=1):
        world.must(signer, (method, arguments))
        assert count(world, device) == number, method
