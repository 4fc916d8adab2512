"""Entries of a document that came in parts, on the page of a thing: they say what is missing until nothing is."""

import re
from pathlib import Path

from ledger.codec import Value
from ledger.transaction import Operation
from tests.support.example_ledger import LOIN, MINUTE_MS, captures, create_ledger, event_time_ms, example_document
from tests.unit.test_node_web_pages import HTML, client_of, facts_of


def test_entries_of_a_document_that_is_not_whole_say_so_until_it_is(tmp_path: Path) -> None:
    path = LOIN.removeprefix("https://id.gs1.org")
    texts, ledger = [], create_ledger(tmp_path)
    for part, first in ((1, 1), (2, 2), (3, 3)):
        begun: dict[str, Value] = {"document": b"d" * 32, "part": part, "parts": 3, "events": 3}
        (captured,) = captures(example_document(), first, first)
        time_ms = event_time_ms(captured) + MINUTE_MS
        ledger.block("maker", Operation("provenance.capture_part", begun), captured, time_ms=time_ms)
        notes = [note["code"] for note in facts_of(client_of(ledger), path)["outcome"]["notes"]]
        page = client_of(ledger).get(path, headers=HTML).text
        found = re.findall(r"Part of a longer report: [^<]*", page)
        assert ("partial_document" in notes) is bool(found)
        texts.append(found)
    assert texts == [
        ["Part of a longer report: 2 of its 3 parts are missing."],
        ["Part of a longer report: 1 of its 3 parts is missing."] * 2,
        [],
    ]
    ledger.close()
