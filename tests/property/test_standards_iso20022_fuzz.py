"""Junk and damaged messages: each is read, or refused by a named rule; nothing else is raised."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from standards.errors import IsoError
from standards.iso20022.messages import is_whole, read_message
from standards.iso20022.parsing import parse_message
from standards.iso20022.schema import check_schema, read_schema
from standards.iso20022.usage import check_usage
from tests.support.iso20022 import initiation, schemas
from tradelane import BadRequestError
from tradelane.bank_orders import read_orders

PIECES = [
    *(b"<", b">", b"</", b"/>", b"&", b"&amp;", b"&#0;", b"&#xD800;", b"]]>", b"<![CDATA[", b"<!--", b"<?x?>", b"\x00"),
    *(b"<!DOCTYPE a>", b'"', b"'", b"\xff", b"\xef\xbf\xbf", b"xmlns=''", b"Ccy", b"Document", b"CdtTrfTxInf", b"Id"),
]


def use(data: bytes) -> None:
    with contextlib.suppress(IsoError, BadRequestError):
        message = parse_message(data)
        check_usage(message, None)
        check_schema(message, schemas())
        record = read_message(message)
        check_usage(message, record)
        is_whole(message, record)
        for order in read_orders(record):
            order.personal_data("originator")
            order.personal_data("beneficiary")
            order.reference("a")


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_junk_is_refused(data: bytes) -> None:
    use(data)
    with contextlib.suppress(IsoError):
        read_schema(data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_message_is_read_or_refused(data: st.DataObject) -> None:
    text = initiation()
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        end = place + data.draw(st.integers(0, 40))
        text = text[:place] + data.draw(st.sampled_from(PIECES)) + text[end:]
    use(text)
