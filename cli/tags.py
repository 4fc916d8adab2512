"""`tradelane tag`: messages of NTAG 424 DNA tags, checked with keys that never leave this machine.

The newest counter of each tag is kept in a file, which is on the disk before the reading is called good: a message
that was read once is told as a replay ever after, also when the machine fails in between.
"""

import json as json_text
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import typer
from rich.markup import escape

from cli.files import read_file
from cli.formatting import thing_text
from cli.output import fields_table
from cli.proofs import freshness_text, freshness_value, trust_file
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    TrustOption,
    WaitOption,
    open_session,
)
from cli.submitting import submit_operation
from contracts import heads
from contracts.identity.tags import KEY_VERSION_MAX, UID_BYTES
from standards.digital_link import canonical_id
from standards.errors import TagMessageError
from standards.ntag424 import KEY_BYTES, TagKeys, TagReading, read_encrypted, read_plain
from tradelane import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    VerificationError,
    fetch_checked,
    load_trust,
)

_EPILOG: Final = """\b
Examples:
  tradelane tag read "https://id.example/x?picc_data=EF...&cmac=94..." \\
      --keys tag-keys.json --counters counters.json
"""
_BIND_EPILOG: Final = """\b
Examples:
  tradelane tag bind 04de5f1eacc040 \\
      https://id.gs1.org/01/09521102002002/21/A1 --key-version 3 --as brand
"""
_FIND_EPILOG: Final = """\b
Examples:
  tradelane tag find 04:de:5f:1e:ac:c0:40
"""
_FILE_BYTES_MAX: Final = 64 * 1_048_576
_ADDRESS_LENGTH_MAX: Final = 2_048
# What tags are commonly set up to call the parts of their message.
_ENCRYPTED_NAMES: Final = ("picc_data", "picc", "e")
_DATA_NAMES: Final = ("enc", "file_data")
_MAC_NAMES: Final = ("cmac", "mac", "m", "c")
_UID_NAMES: Final = ("uid", "u")
_COUNTER_NAMES: Final = ("ctr", "n")

UidArgument = Annotated[str, typer.Argument(metavar="UID", help="UID of the tag.", show_default=False)]

app = typer.Typer(help="Check what NFC tags say.", epilog=_EPILOG, no_args_is_help=True)


@app.command("bind", epilog=_BIND_EPILOG)
def bind(
    context: typer.Context,
    uid: UidArgument,
    piece: Annotated[str, typer.Argument(metavar="ID", help="The piece that it is on.", show_default=False)],
    *,
    key_version: Annotated[int, typer.Option(min=0, max=KEY_VERSION_MAX, help="Which of your keys it has.")] = 0,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Say on the ledger which piece of your products a tag is on; it stays so for good.

    The tag's own key is never sent anywhere.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    tag, name = _read_uid(uid), canonical_id(piece)
    submit_operation(
        session,
        "identity.bind_tag",
        {"uid": tag, "id": name, "key_version": key_version},
        shown={"uid": tag.hex(), "id": name},
        wait_s=wait,
        done=f"tag {tag.hex()} is on {thing_text(name)}",
    )


@app.command("find", epilog=_FIND_EPILOG)
def find(
    context: typer.Context,
    uid: UidArgument,
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Prove which piece a tag was put on. The node need not be trusted.

    Compare it with the piece in your hand: a tag that was torn off and glued elsewhere still knows its key.
    """
    session = open_session(context, json=json, node=node, network=network)
    tag = _read_uid(uid)
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        checked = fetch_checked(client, lambda one: one.heads_proof([heads.tag(tag)]), root)
    (head,) = checked.facts.heads
    if head.value is None:
        raise NotFoundError("tag.unknown", f"nobody said which piece tag {tag.hex()} is on", "compare the UID")
    by, name, version = head.value["organisation"], str(head.value["id"]), head.value["key_version"]
    value = {"uid": tag.hex(), "id": name, "organisation": by, "key_version": version, **freshness_value(checked)}
    rows = [("tag", tag.hex()), ("is on", escape(thing_text(name))), ("says", escape(str(by))), ("key", str(version))]
    session.output.result(value, fields_table(rows), freshness_text(checked))


@app.command("read", epilog=_EPILOG)
def read(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="URL", help="What the tag gave the phone.", show_default=False)],
    *,
    keys: Annotated[Path, typer.Option(metavar="FILE", help='{"file": HEX, "meta": HEX}, 16 bytes each.')],
    counters: Annotated[Path, typer.Option(metavar="FILE", help="The newest counter of each tag; made if missing.")],
    json: JsonOption = False,
) -> None:
    """Check the message of an NTAG 424 DNA tag, with AES or LRP.

    Exit code 6 means that it was not made with these keys, 5 that it or a later one was read before. A good message
    proves the tag, not the thing that it is glued to. The keys stay here.
    """
    session = open_session(context, json=json)
    tag_keys = _read_keys(keys)
    try:
        reading = _reading(address, tag_keys)
    except TagMessageError as error:
        if error.code == "form":
            raise BadRequestError("tag.form", str(error), "give the whole address, in quotes") from error
        hint = "compare the keys and where the tag mirrors its parts; else treat the tag with caution"
        raise VerificationError(f"tag.{error.code}", str(error), hint) from error
    uid = reading.uid.hex()
    known = _read_counters(counters)
    last = known.get(uid)
    if last is not None and reading.counter <= last:
        raise ConflictError(
            "tag.replayed",
            f"tag {uid} said counter {reading.counter}, and {last} was read before",
            "hold the phone to the tag itself; an address that was copied is always an old one",
        )
    _write_counters(counters, {**known, uid: reading.counter})
    value = {
        "uid": uid,
        "counter": reading.counter,
        "last_counter": last,
        "file_data": None if reading.file_data is None else reading.file_data.hex(),
    }
    rows = [("tag", uid), ("counter", f"{reading.counter}{'' if last is None else f', after {last}'}")]
    if reading.file_data is not None:
        rows.append(("file data", reading.file_data.hex()))
    session.output.result(value, "[green]the tag knows its key, and the message is new[/]", fields_table(rows))


def _read_uid(text: str) -> bytes:
    try:
        uid = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        uid = b""
    if len(uid) != UID_BYTES:
        raise BadRequestError("tag.uid", f"{text[:40]!r} is no UID", f"write its {UID_BYTES} bytes in hexadecimal")
    return uid


def _reading(address: str, keys: TagKeys) -> TagReading:
    if len(address) > _ADDRESS_LENGTH_MAX:
        raise TagMessageError("form", f"the address has more than {_ADDRESS_LENGTH_MAX} characters")
    try:
        query = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    except ValueError as error:
        raise TagMessageError("form", f"it is no address: {error}") from error
    mac_name, mac = _part(query, _MAC_NAMES)
    _, encrypted = _part(query, _ENCRYPTED_NAMES)
    if mac is None:
        raise TagMessageError("form", f"the address has no MAC; it is called {', '.join(_MAC_NAMES)}")
    if encrypted is not None:
        _, data = _part(query, _DATA_NAMES)
        return read_encrypted(encrypted, mac, keys, data or b"", mac_name)
    _, uid = _part(query, _UID_NAMES)
    _, counter = _part(query, _COUNTER_NAMES)
    if uid is None or counter is None:
        raise TagMessageError("form", "the address says neither picc_data nor uid and ctr")
    return read_plain(uid, counter, mac, keys)


def _part(query: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, bytes | None]:
    """Return the first of the names that is there, and its bytes."""
    for name in names:
        if name in query:
            try:
                return name, bytes.fromhex(query[name])
            except ValueError as error:
                raise TagMessageError("form", f"{name} is not hexadecimal") from error
    return "", None


def _read_keys(file: Path) -> TagKeys:
    try:
        found = json_text.loads(read_file(file, _FILE_BYTES_MAX))
        file_key, meta = bytes.fromhex(found["file"]), found.get("meta")
        keys = TagKeys(file_key, None if meta is None else bytes.fromhex(meta))
        if any(len(key) != KEY_BYTES for key in (keys.file, keys.meta or keys.file)):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Not what the file holds: it may be a key.
        hint = 'write {"file": HEX, "meta": HEX} of 16 bytes each; meta only where the tag encrypts who it is'
        raise BadRequestError("tag.keys", f"{file} holds no keys of a tag", hint) from error
    return keys


def _read_counters(file: Path) -> dict[str, int]:
    if not file.exists():
        return {}
    try:
        found: Any = json_text.loads(read_file(file, _FILE_BYTES_MAX))
        if any(type(counter) is not int for counter in found.values()):
            raise TypeError("a counter is no integer")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        hint = "bring it back from a copy: without it a replay is not told"
        raise BadRequestError("tag.counters", f"{file} holds no counters: {error}", hint) from error
    return dict(found)


def _write_counters(file: Path, counters: Mapping[str, int]) -> None:
    """Write the counters so that after a crash the file is the old one or the new one."""
    beside = file.with_name(file.name + ".new")
    try:
        with beside.open("w", encoding="utf-8") as opened:
            opened.write(json_text.dumps(dict(sorted(counters.items())), indent=1) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    except OSError as error:
        raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", "name another file") from error
