"""`tradelane verify`: check a proof bundle offline, or fetch one from the nodes and check that."""

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.markup import escape

from cli.formatting import thing_text, time_text
from cli.output import short, table
from cli.session import JsonOption, NetworkOption, NodeOption, Session, TrustOption, open_session
from ledger.codec import Value
from ledger.proof import Facts, ProvenHead, ProvenTransaction, Record, Stay, TrustRoot
from ledger.readable import to_json
from ledger.state import split_key
from ledger.transaction import Transaction
from node.setup import TRUST_FILE
from tradelane import BadRequestError, Checked, fetch_checked, load_trust, save_trust, verify_proof

VERIFY_EPILOG: Final = """\b
Examples:
  tradelane verify bundle.json --trust trust.json
  tradelane verify bundle.json --trust trust.json --newer-than 60
  tradelane verify https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL \\
      --trust trust.json --save bundle.json
  tradelane verify 000102030405060708090a0b0c0d0e0f --trust trust.json
  tradelane verify bundle.json --trust trust.json --update-trust
\b
A file is checked without any network. Exit code 6 means that it does not prove
what it claims; the named reason is in docs/proofs.md. The trust file must come
from somebody you trust, not from whoever handed you the bundle.
\b
What is fetched is compared with the newest block that every other known node
proves: a node that answers with an older state is passed over and named. Name
more nodes with --node to compare more; with one there is nothing to compare.
"""


def verify(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(metavar="FILE|ID", help="A proof bundle, or the identifier of a thing, transaction or payment."),
    ],
    *,
    trust: TrustOption = None,
    newer_than: Annotated[
        int | None, typer.Option(metavar="MINUTES", min=0, help="Refuse a proof that holds as of longer ago.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the bundle that was fetched.")
    ] = None,
    update_trust: Annotated[
        bool, typer.Option("--update-trust", help="Keep the newest trust root that the proof leads to in the file.")
    ] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Check a proof bundle: what it proves, or why not.

    The subject is a bundle in a file, or the identifier of a thing, of a transaction or of a payment, whose bundle is
    then fetched from a node and checked here: the node need not be trusted.
    """
    session = open_session(context, json=json, node=node, network=network)
    trust_path = trust_file(session, trust)
    root = load_trust(trust_path)
    now_ms = time.time_ns() // 1_000_000
    time_ms_min = 0 if newer_than is None else now_ms - newer_than * 60_000
    checked: Checked | None = None
    if Path(subject).is_file():
        facts = verify_proof(_read(Path(subject)), root, time_ms_min=time_ms_min)
    else:
        checked = _fetch(session, subject, root)
        if save is not None:
            save.write_text(json_module.dumps(checked.bundle, indent=1, ensure_ascii=False), encoding="utf-8")
            session.output.note(f"saved {escape(str(save))}")
        facts = verify_proof(checked.bundle, root, time_ms_min=time_ms_min)
    is_updated = update_trust and facts.trust != root
    if is_updated:
        save_trust(trust_path, facts.trust)
        session.output.note(f"{escape(str(trust_path))} trusts block {facts.trust.height} now")
    value = {**_value(facts), **({} if checked is None else {"freshness": freshness_value(checked)})}
    shown = [_rendered(facts, root, now_ms)] + ([] if checked is None else [freshness_text(checked)])
    session.output.result(value, *shown)


def trust_file(session: Session, given: Path | None) -> Path:
    """Return the trust file to use: the one given, else that of the network directory; raises BadRequestError."""
    path = given or session.network_directory() / TRUST_FILE
    if given is None and not path.exists():
        raise BadRequestError("trust.missing", "no trust root is given", "name the file with --trust")
    return path


def freshness_value(checked: Checked) -> dict[str, object]:
    """Return for a program whom an answer came from, and what speaks for its being the newest."""
    return {
        "node": checked.node,
        "others_compared": checked.others,
        "doubts": [{"node": one.node, "code": one.code, "detail": one.detail} for one in checked.doubts],
    }


def freshness_text(checked: Checked) -> str:
    """Return the same for a person."""
    height, others = checked.facts.height, checked.others
    lines = [f"[yellow]![/] not relied on: {escape(one.detail)} ({one.code})" for one in checked.doubts]
    if others:
        lines.append(f"[dim]{others} other node{'' if others == 1 else 's'} proved no block after {height}[/]")
    else:
        lines.append(
            f"[yellow]![/] from one node alone: it may keep back what came after block {height}; name another "
            "with --node to compare"
        )
    return "\n".join(lines)


def verified_text(checked: Checked) -> str:
    """Return what a proof adds to an answer that was checked against it."""
    facts = checked.facts
    newest = facts.header
    records = len({record.place for head in facts.heads for record in head.records})
    verdict = (
        f"\n[bold green]verified[/] as of block {facts.height}, {time_text(facts.time_ms)}: {records} "
        f"event{'' if records == 1 else 's'}, none left out; {newest.signers} of {newest.validators} validators signed"
    )
    lines = [
        verdict,
        *(stay_text(stay) for stay in facts.stays),
        freshness_text(checked),
    ]
    return "\n".join(lines)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError("bundle.unreadable", f"{path} cannot be read: {error}") from error


def _fetch(session: Session, subject: str, root: TrustRoot) -> Checked:
    with session.client() as client:
        if is_transaction_id(subject):
            return fetch_checked(client, lambda one: one.transaction_proof(subject), root)
        if is_transfer_id(subject):
            return fetch_checked(client, lambda one: one.transfer_proof(subject.lower()), root)
        if "://" in subject or subject.startswith("urn:"):
            return fetch_checked(client, lambda one: one.item_proof(subject), root)
    raise BadRequestError(
        "bundle.missing", f"there is no file {subject}, and it is no identifier", "name a bundle, or a URI"
    )


def is_transaction_id(text: str) -> bool:
    """Say whether a text is the id of a transaction: 64 hexadecimal digits."""
    return len(text) == 64 and all(character in "0123456789abcdefABCDEF" for character in text)


def is_transfer_id(text: str) -> bool:
    """Say whether a text is the id of a payment: 32 hexadecimal digits."""
    return len(text) == 32 and all(character in "0123456789abcdefABCDEF" for character in text)


def _rendered(facts: Facts, root: TrustRoot, now_ms: int) -> RenderableType:
    newest = facts.header
    lines: list[RenderableType] = [
        f"[green]✓[/] {escape(step.title)}\n  [dim]{escape(step.proves)}[/]" for step in facts.steps
    ]
    age_s = max(0, now_ms - facts.time_ms) // 1000
    lines.append(
        f"\n[bold green]verified[/] on network {escape(root.network)} as of block {facts.height}, "
        f"{time_text(facts.time_ms)} ({age_s} s ago), signed by {newest.signers} of {newest.validators} validators"
    )
    if facts.height < root.height:
        lines.append(f"[yellow]![/] older than block {root.height}, which the trust root knows: there is a newer state")
    lines += [_head_text(head) for head in facts.heads]
    lines += [_records(head) for head in facts.heads if head.records]
    lines += [stay_text(stay) for stay in facts.stays]
    if facts.transaction is not None:
        lines.append(_transaction_text(facts.transaction))
    if facts.origin is not None:
        lines.append(f"made by transaction {facts.origin.transaction_id.hex()}: {escape(_methods(facts.origin))}")
    return Group(*lines)


def _head_text(head: ProvenHead) -> str:
    kind, *identifiers = split_key(head.key)
    name = escape(" ".join(identifiers))
    if head.value is None:
        return f"there is no {kind} {name}"
    whole = "the whole history" if head.is_complete else f"the last {len(head.records)}"
    text = f"{kind} {name}"
    if head.count:
        text += f"\n  {head.count} record{'' if head.count == 1 else 's'}, {whole} is proven"
    for field in ("status", "custodian", "owner", "disposition"):
        if isinstance(head.value.get(field), str):
            text += f"\n  {field}: {escape(str(head.value[field]))}"
    return text


def _records(head: ProvenHead) -> RenderableType:
    rows = table(">#", ">block", "time", "what", "signed by")
    first = head.count - len(head.records) + 1
    for number, record in enumerate(head.records, first):
        operation = record.operation
        what = operation.method
        step = operation.arguments.get("biz_step") or operation.arguments.get("type")
        rows.add_row(
            str(number),
            str(record.height),
            time_text(record.time_ms),
            escape(f"{what} {step}" if isinstance(step, str) else what),
            short(record.transaction.sender.hex()),
        )
    return rows


def stay_text(stay: Stay) -> str:
    """Return what was in which container when, for people."""
    until = "no end is known" if stay.until_ms is None else f"until {time_text(stay.until_ms)}"
    item, container = escape(thing_text(stay.item)), escape(thing_text(stay.container))
    return f"{item}\n  was in {container}\n  [dim]from {time_text(stay.since_ms)}, {until}[/]"


def _transaction_text(entry: ProvenTransaction) -> str:
    done = "carried out" if entry.receipt.code == 0 else f"without effect (code {entry.receipt.code})"
    named = f"transaction {entry.transaction.transaction_id.hex()} in block {entry.height}"
    return f"{named}: {escape(_methods(entry.transaction))}, {done}"


def _methods(transaction: Transaction) -> str:
    return ", ".join(operation.method for operation in transaction.operations[:5])


def _value(facts: Facts) -> dict[str, object]:
    """Return the facts for a program, with the operations readable."""
    proven = facts.transaction
    return {
        "result": "verified",
        "kind": facts.kind,
        "chain_id": facts.chain_id,
        "height": facts.height,
        "time_ms": facts.time_ms,
        "header": facts.header,
        "transaction": (
            None
            if proven is None
            else {
                **_signed(proven.transaction),
                "height": proven.height,
                "index": proven.index,
                "time_ms": proven.time_ms,
                "code": proven.receipt.code,
            }
        ),
        "origin": None if facts.origin is None else _signed(facts.origin),
        "heads": [
            {
                "key": list(split_key(head.key)),
                "value": None if head.value is None else to_json(dict[str, Value](head.value)),
                "count": head.count,
                "is_complete": head.is_complete,
                "records": [_record(record) for record in head.records],
            }
            for head in facts.heads
        ],
        "stays": facts.stays,
        "trust_height": facts.trust.height,
        "steps": facts.steps,
    }


def _signed(transaction: Transaction) -> dict[str, object]:
    return {
        "id": transaction.transaction_id,
        "sender": transaction.sender,
        "operations": [[one.method, to_json(one.arguments)] for one in transaction.operations],
    }


def _record(record: Record) -> dict[str, object]:
    operation = record.operation
    return {
        "height": record.height,
        "index": record.transaction_index,
        "operation": record.operation_index,
        "time_ms": record.time_ms,
        "transaction": record.transaction.transaction_id,
        "sender": record.transaction.sender,
        "method": operation.method,
        "arguments": to_json(operation.arguments),
        "output": to_json(record.output),
    }
