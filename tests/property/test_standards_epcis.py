"""Laws of the conversion: differences, canonical JSON, and events of every kind there and back."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from standards.digital_link import DigitalLink, canonical_id, parse
from standards.epcis import fields, residue
from standards.epcis.document import check_event, parse_document
from standards.epcis.json_text import JsonValue, dumps, loads, same
from standards.epcis.operations import document_from_operations, events_to_operations, operation_to_event
from standards.epcis.vocabulary import BIZ_STEP, DISPOSITION, MEASUREMENT

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
integers = st.integers(-(10**30), 10**30)
decimals = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=3)
values = st.recursive(
    st.none() | st.booleans() | integers | decimals | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def dumb_apply(difference: Any, plain: JsonValue) -> JsonValue:
    """Apply a difference that is known to be well formed, without a check."""
    if "=" in difference:
        return difference["="]  # type: ignore[no-any-return]
    copy: Any = loads(dumps(plain))
    for name, change in difference.get("~", {}).items():
        step = int(name) if isinstance(copy, list) else name
        copy[step] = dumb_apply(change, copy[step])
    for name in difference.get("-", []):
        del copy[name]
    for name, value in difference.get("+", {}).items():
        copy[name] = value
    return copy  # type: ignore[no-any-return]


@given(values, values)
def test_a_difference_makes_the_one_into_the_other(plain: JsonValue, written: JsonValue) -> None:
    difference = residue.between(plain, written)
    if difference is None:
        assert same(plain, written)
        return
    before = dumps(plain)
    assert same(residue.apply(difference, plain), written)
    assert same(dumb_apply(difference, plain), written)
    assert dumps(plain) == before
    assert same(residue.apply(loads(dumps(difference)), plain), written)


@given(values)
def test_nothing_differs_from_itself(value: JsonValue) -> None:
    assert residue.between(value, loads(dumps(value))) is None


@given(values)
def test_canonical_json_is_read_back_and_stays(value: JsonValue) -> None:
    data = dumps(value)
    assert same(loads(data), value)
    assert dumps(loads(data)) == data


@given(st.integers(fields.TIME_MS_MIN, fields.TIME_MS_MAX), st.integers(-14 * 60, 14 * 60))
def test_times_there_and_back(moment_ms: int, minutes: int) -> None:
    text = fields.time_text(moment_ms, minutes)
    assert fields.time_ms(text) == moment_ms
    zone = fields.offset_text(minutes)
    assert fields.offset_minutes(zone) == minutes
    assert text.endswith("Z" if minutes == 0 else zone)


serials = st.text("!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz", min_size=1, max_size=20)


@given(serials, serials)
def test_any_serial_and_lot_survive_their_encoding(lot: str, serial: str) -> None:
    link = DigitalLink(
        "01", "09521101001006", (("10", lot), ("21", serial)), (("17", "280503"),), "https://a.example/x"
    )
    assert parse(link.uri()) == link
    assert canonical_id(link.uri()) == link.canonical()
    assert parse(link.canonical()).qualifiers == (("21", serial),)


identifiers = st.sampled_from(
    [
        "https://id.gs1.org/01/09521101001006/21/1",
        "urn:epc:id:sgtin:9521101.000100.1",
        "https://brand.example/gtin/9521101001006/ser/2?x=1",
        "urn:epc:id:sscc:9521102.3000000417",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "https://example.com/things/1",
        "ext:thing",
    ]
)
times = st.sampled_from(
    [
        "2026-11-02T06:40:00Z",
        "2026-11-02T06:40:00.000+05:00",
        "2026-11-02t06:40:00.1239z",
        "1969-12-31T23:59:59.9-00:00",
    ]
)
steps = st.sampled_from(
    [*sorted(BIZ_STEP.terms)[:3], "cbv:BizStep-shipping", "https://ref.gs1.org/cbv/BizStep-x", "a:b"]
)
numbers = st.integers(-(10**20), 10**20) | decimals | st.sampled_from([Decimal("1E+3"), Decimal("-0"), Decimal("0E-9")])
quantities = st.fixed_dictionaries(
    {"epcClass": identifiers}, optional={"quantity": numbers, "uom": st.sampled_from(["KGM", "EA"])}
)
reports = st.fixed_dictionaries(
    {"type": st.sampled_from([*sorted(MEASUREMENT.terms)[:2], "gs1:Mass", "ext:smell"])},
    optional={
        "value": numbers,
        "minValue": numbers,
        "uom": texts | st.just("CEL"),
        "time": times,
        "stringValue": texts,
        "booleanValue": st.booleans(),
        "component": st.sampled_from(["x", "cbv:Comp-x", "a:b"]),
        "ext:more": values,
    },
)
extensions = {"ext:more": values, "@context": st.just({"ext": "https://example.com/"}), "eventID": st.just("urn:x:1")}
shared = {
    "bizStep": steps,
    "disposition": st.sampled_from([*sorted(DISPOSITION.terms)[:2], "cbv:Disp-active", "a:b"]),
    "readPoint": st.fixed_dictionaries({"id": identifiers}, optional={"anything": values}),
    "bizTransactionList": st.lists(
        st.fixed_dictionaries(
            {"bizTransaction": identifiers}, optional={"type": st.sampled_from(["po", "cbv:BTT-po"])}
        ),
        min_size=1,
        max_size=3,
    ),
    "sourceList": st.lists(st.fixed_dictionaries({"type": st.just("location"), "source": identifiers}), max_size=2),
    "sensorElementList": st.lists(
        st.fixed_dictionaries(
            {"sensorReport": st.lists(reports, min_size=1, max_size=3)},
            optional={"sensorMetadata": st.fixed_dictionaries({}, optional={"time": times, "deviceID": identifiers})},
        ),
        max_size=2,
    ),
    "certificationInfo": identifiers | st.lists(identifiers, max_size=2),
    "errorDeclaration": st.fixed_dictionaries(
        {"declarationTime": times},
        optional={"reason": st.just("incorrect_data"), "correctiveEventIDs": st.lists(identifiers), "ext:by": values},
    ),
    **extensions,
}
lists = st.lists(identifiers, max_size=4, unique=True)
base = {"eventTime": times, "eventTimeZoneOffset": st.sampled_from(["+00:00", "-00:00", "+05:00", "-14:00"])}
master_data = {"ilmd": st.dictionaries(st.sampled_from(["ext:a", "ext:b"]), values, max_size=2)}
events = st.one_of(
    st.fixed_dictionaries(
        {**base, "type": st.just("ObjectEvent"), "action": st.just("ADD"), "epcList": lists},
        optional={**shared, **master_data, "quantityList": st.lists(quantities, max_size=3)},
    ),
    st.fixed_dictionaries(
        {**base, "type": st.just("AggregationEvent"), "action": st.just("DELETE"), "parentID": identifiers},
        optional={**shared, "childEPCs": st.lists(identifiers, max_size=3)},
    ),
    st.fixed_dictionaries(
        {**base, "type": st.just("TransformationEvent"), "transformationID": identifiers, "inputEPCList": lists,
         "outputQuantityList": st.lists(quantities, min_size=1, max_size=2)},
        optional={**shared, **master_data},
    ),
    st.fixed_dictionaries({**base, "type": st.just("ext:Own")}, optional={**extensions, "bizStep": values}),
)  # fmt: skip


@given(events)
def test_every_event_comes_back_from_its_bytes(event: dict[str, JsonValue]) -> None:
    captured = check_event(event)
    document = {
        "@context": [{"ext": "https://example.com/ns/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-02T06:45:00Z",
        "epcisBody": {"eventList": [captured.written]},
    }
    [(_, arguments)] = events_to_operations(parse_document(dumps(document)))
    stored = codec.decode(codec.encode(arguments))
    assert isinstance(stored, dict)
    assert same(operation_to_event(stored), event)
    spelled = operation_to_event(stored, identifier_format="digital_link")
    assert check_event(spelled).event.type == captured.event.type
    answer = document_from_operations([stored], creation_date="2026-11-23T00:00:00Z")
    assert same(parse_document(dumps(answer)).events[0].written, event)
    assert answer["@context"] == [{"ext": "https://example.com/ns/"}]
