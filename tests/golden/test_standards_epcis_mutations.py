"""Our verdict against that of GS1's JSON schema, on valid documents with one change each.

The verdicts of the schema are in standards_epcis_mutations.tsv: 714 changes picked from 109,500 random ones so that
every rule, field and kind of change is among them. Of all 109,500 we judge differently where ``JUSTIFIED`` says so.
"""

import copy
import json
from collections import Counter
from pathlib import Path

from standards.epcis.document import parse_document
from standards.errors import EpcisError
from tests.support.shared_data import shared_data

VERDICTS = Path(__file__).with_name("standards_epcis_mutations.tsv")

# Rule -> why we refuse what the schema lets pass. There is nothing that the schema refuses and we accept.
JUSTIFIED = {
    "parent_missing": "EPCIS 2.0 section 7.4.3 makes parentID mandatory for ADD and DELETE; the schema cannot say so",
    "line feed": "Python's $ matches before a final line feed, so the schema lets one pass at the end of every pattern",
}


def changed(document: object, path: list[str | int], operation: str, value: object) -> object:
    document = copy.deepcopy(document)
    if not path and operation == "set":
        return value
    target: object = document
    for step in path if operation == "add" else path[:-1]:
        target = target[step]  # type: ignore[index]
    assert isinstance(target, dict | list)
    if operation == "add":
        assert isinstance(value, list)
        target[value[0]] = value[1]
        return document
    last = path[-1]
    if operation == "del":
        del target[last]  # type: ignore[arg-type]
    elif operation == "set":
        target[last] = value  # type: ignore[index]
    elif operation == "dup":
        target[last] = target[last] + target[last][:1]  # type: ignore[index]
    else:
        assert operation == "suffix"
        target[last] += value  # type: ignore[index]
    return document


def test_both_verdicts_agree() -> None:
    documents: dict[str, object] = {}
    differences: Counter[str] = Counter()
    lines = [line for line in VERDICTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")][1:]
    for line in lines:
        name, path, operation, value, verdict = line.split("\t")
        if name not in documents:
            documents[name] = json.loads(shared_data(f"epcis/{name}").read_bytes())
        document = changed(documents[name], json.loads(path), operation, json.loads(value))
        try:
            parse_document(json.dumps(document).encode())
            ours, rule = "valid", ""
        except EpcisError as error:
            ours, rule = "invalid", error.rule
        if ours != verdict:
            reason = "line feed" if (operation, value) == ("suffix", '"\\n"') else rule
            assert (verdict, ours) == ("valid", "invalid"), line
            assert reason in JUSTIFIED, line
            differences[reason] += 1
    assert len(lines) == 714
    assert differences.keys() == JUSTIFIED.keys()
