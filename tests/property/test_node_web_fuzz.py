"""Nothing that anybody can ask for or write on the ledger makes a page fail, grow without bound or hold markup."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import heads
from ledger.codec import Value
from ledger.transaction import Operation
from tests.support.example_ledger import LOIN, ExampleLedger, create_ledger, example_ledger
from tests.unit.test_node_web_pages import HTML, JSON, PAGE_BYTES_MAX, SCRIPTS, client_of, read, scripts

LOIN_PATH = LOIN[18:]
EXTREME = 2**63 - 1
# Characters that every Unicode version of ours knows, for the ledger takes no others.
characters = st.one_of(
    st.characters(codec="latin-1", exclude_categories=["Cc"]), st.sampled_from("<>&'\"\u4e2d\u05d0\u202e\U0001f41f")
)
texts = st.text(characters, min_size=1, max_size=40)
times = st.one_of(st.integers(-EXTREME, EXTREME), st.integers(1_793_000_000_000, 1_795_000_000_000))
numbers = st.one_of(
    st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,6})?", fullmatch=True),
    st.sampled_from(["9" * 300, "-0", "0." + "0" * 300 + "1"]),
)
reports = st.fixed_dictionaries(
    {"type": st.sampled_from(["Temperature", "Humidity"])},
    optional={
        "value": numbers,
        "min": numbers,
        "max": numbers,
        "uom": st.sampled_from(["CEL", "FAH", "KEL", "P1"]),
        "device": texts,
        "time_ms": times,
    },
)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["ObjectEvent", "TransactionEvent"]),
        "action": st.sampled_from(["ADD", "OBSERVE"]),
        "event_time_ms": times,
        "epcs": st.just([LOIN]),
    },
    optional={
        "offset_minutes": st.integers(-840, 840),
        "biz_step": texts,
        "disposition": st.one_of(texts, st.sampled_from(["recalled", "retail_sold"])),
        "read_point": texts,
        "biz_location": st.one_of(texts, st.just("https://id.gs1.org/414/9521101000016")),
        "sensors": st.lists(st.fixed_dictionaries({"reports": st.lists(reports, max_size=3)}), max_size=2),
        "residue": st.one_of(st.binary(max_size=40), st.just(b'{"event":{}}')),
    },
)


@pytest.fixture(scope="module")
def shipment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = example_ledger(tmp_path_factory.mktemp("shipment"))
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = create_ledger(tmp_path_factory.mktemp("written"))
    yield ledger
    ledger.close()


def assert_nothing_came_in(response: httpx.Response) -> None:
    """Check that a page has its own scripts at most, and nothing that a text brought in."""
    assert scripts(response) in ([], SCRIPTS)
    assert "img" not in {tag for tag, _ in read(response).tags}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["00", "01", "8004", "8010", "414", "253"]),
    rest=st.one_of(
        st.text(st.characters(codec="ascii", exclude_characters="?#"), max_size=40),
        st.text(st.sampled_from("0123456789/%21AZ"), max_size=40),
        st.binary(max_size=20).map(lambda data: "".join(f"%{byte:02x}" for byte in data)),
    ),
    query=st.text(st.sampled_from("17=9&0linkType%+;"), max_size=20),
    headers=st.sampled_from([HTML, JSON]),
)
def test_every_address_has_an_answer(
    shipment: ExampleLedger, key: str, rest: str, query: str, headers: dict[str, str]
) -> None:
    path = f"/{key}/{rest}".replace("\n", "%0A").replace("\r", "%0D").replace("\t", "%09")
    try:
        response = client_of(shipment).get(f"{path}?{query}", headers=headers)
    except Exception as error:
        if type(error).__name__ == "InvalidURL":  # the client does not even send it
            return
        raise
    assert response.status_code in {200, 307, 400, 404}
    if response.headers.get("content-type", "").startswith("text/html"):
        assert_nothing_came_in(response)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=events)
def test_whatever_is_captured_has_a_page(written: ExampleLedger, event: dict[str, Value]) -> None:
    arguments = {**event, "event_id": f"urn:fuzz:{written.nonces}"}
    written.block("maker", Operation("provenance.capture", arguments))
    page = client_of(written).get(LOIN_PATH, headers=HTML)
    assert page.status_code == 200
    assert len(page.content) <= PAGE_BYTES_MAX
    assert_nothing_came_in(page)
    facts = client_of(written).get(LOIN_PATH, headers=JSON).json()
    assert facts["checked"]["is_verified"] is True
    assert facts["checked"]["count"] == written.head(heads.item(LOIN))["count"]
