"""`tradelane verify`: check a proof bundle offline, or fetch one from a node and check that."""

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.markup import escape

from cli.formatting import time_text
from cli.output import short, table
from cli.session import JsonOption, NetworkOption, NodeOption, Session, open_session
from ledger.codec import Value
from ledger.proof import Facts, ProvenHead, ProvenTransaction, TrustRoot
from ledger.readable import to_json
from ledger.state import split_key
from node.setup import TRUST_FILE
from tradelane import BadRequestError, load_trust, verify_proof

VERIFY_EPILOG: Final = """\b
Examples:
  tradelane verify bundle.json --trust trust.json
  tradelane verify bundle.json --trust trust.json --newer-than 60
  tradelane verify https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL \\
      --trust trust.json --save bundle.json
\b
A file is checked without any network. Exit code 6 means that it does not prove
what it claims; the named reason is in docs/proofs.md. The trust file must come
from somebody you trust, not from whoever handed you the bundle.
"""


def verify(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="FILE|ID", help="A proof bundle, or the identifier of a thing or transaction.")
    ],
    *,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", metavar="FILE", help="Trust root; else trust.json of the network directory."),
    ] = None,
    newer_than: Annotated[
        int | None, typer.Option(metavar="MINUTES", min=0, help="Refuse a proof that holds as of longer ago.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the bundle that was fetched.")
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Check a proof bundle: what it proves, or why not.

    The subject is a bundle in a file, or the identifier of a thing or of a transaction, whose bundle is then fetched
    from a node and checked here: the node need not be trusted.
    """
    session = open_session(context, json=json, node=node, network=network)
    root = load_trust(trust or _default_trust(session))
    text = _bundle_text(session, subject, save)
    now_ms = time.time_ns() // 1_000_000
    facts = verify_proof(text, root, time_ms_min=0 if newer_than is None else now_ms - newer_than * 60_000)
    session.output.result(_value(facts), _rendered(facts, root, now_ms))


def _default_trust(session: Session) -> Path:
    path = session.network_directory() / TRUST_FILE
    if not path.exists():
        raise BadRequestError("trust.missing", "no trust root is given", "name the file with --trust")
    return path


def _bundle_text(session: Session, subject: str, save: Path | None) -> str:
    path = Path(subject)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequestError("bundle.unreadable", f"{path} cannot be read: {error}") from error
    if "://" not in subject and not subject.startswith("urn:") and not is_transaction_id(subject):
        raise BadRequestError(
            "bundle.missing", f"there is no file {subject}, and it is no identifier", "name a bundle, or a URI"
        )
    with session.client() as client:
        bundle = client.transaction_proof(subject) if is_transaction_id(subject) else client.item_proof(subject)
    text = json_module.dumps(bundle, indent=1)
    if save is not None:
        save.write_text(text, encoding="utf-8")
        session.output.note(f"saved {escape(str(save))}")
    return text


def is_transaction_id(text: str) -> bool:
    """Say whether a text is the id of a transaction: 64 hexadecimal digits."""
    return len(text) == 64 and all(character in "0123456789abcdefABCDEF" for character in text)


def _rendered(facts: Facts, root: TrustRoot, now_ms: int) -> RenderableType:
    newest = facts.headers[-1]
    lines: list[RenderableType] = [
        f"[green]✓[/] {escape(step.title)}\n  [dim]{escape(step.proves)}[/]" for step in facts.steps
    ]
    age_s = max(0, now_ms - facts.time_ms) // 1000
    lines.append(
        f"\n[bold green]verified[/] on network {escape(root.network)} as of block {facts.height}, "
        f"{time_text(facts.time_ms)} ({age_s} s ago), signed by {newest.signers} of {newest.validators} validators"
    )
    lines += [_head_text(head) for head in facts.heads]
    lines += [_records(facts, head) for head in facts.heads if head.records]
    lines += [_transaction_text(entry) for entry in facts.transactions if facts.kind == "transaction"]
    return Group(*lines)


def _head_text(head: ProvenHead) -> str:
    kind, *identifiers = split_key(head.key)
    name = escape(" ".join(identifiers))
    if head.value is None:
        return f"there is no {kind} {name}"
    whole = "the whole history" if head.is_complete else f"the last {len(head.records)}"
    text = f"{kind} {name}\n  {head.count} records, {whole} is proven"
    for field in ("status", "custodian", "owner", "disposition"):
        if isinstance(head.value.get(field), str):
            text += f"\n  {field}: {escape(str(head.value[field]))}"
    return text


def _records(facts: Facts, head: ProvenHead) -> RenderableType:
    by_place = {(entry.height, entry.index): entry for entry in facts.transactions}
    rows = table(">#", ">block", "time", "what", "signed by")
    first = head.count - len(head.records) + 1
    for number, record in enumerate(head.records, first):
        entry = by_place[record.height, record.transaction_index]
        operation = entry.transaction.operations[record.operation_index]
        what = operation.method
        step = operation.arguments.get("biz_step") or operation.arguments.get("type")
        rows.add_row(
            str(number),
            str(record.height),
            time_text(entry.time_ms),
            escape(f"{what} {step}" if isinstance(step, str) else what),
            short(entry.transaction.sender.hex()),
        )
    return rows


def _transaction_text(entry: ProvenTransaction) -> str:
    methods = ", ".join(operation.method for operation in entry.transaction.operations[:5])
    done = "carried out" if entry.receipt.code == 0 else f"without effect (code {entry.receipt.code})"
    return f"transaction {entry.transaction.transaction_id.hex()} in block {entry.height}: {escape(methods)}, {done}"


def _value(facts: Facts) -> dict[str, object]:
    """Return the facts for a program, with the operations readable."""
    return {
        "result": "verified",
        "kind": facts.kind,
        "chain_id": facts.chain_id,
        "height": facts.height,
        "time_ms": facts.time_ms,
        "headers": facts.headers,
        "heads": [
            {
                "key": list(split_key(head.key)),
                "value": None if head.value is None else to_json(dict[str, Value](head.value)),
                "count": head.count,
                "is_complete": head.is_complete,
                "records": head.records,
            }
            for head in facts.heads
        ],
        "transactions": [
            {
                "id": entry.transaction.transaction_id,
                "height": entry.height,
                "index": entry.index,
                "time_ms": entry.time_ms,
                "sender": entry.transaction.sender,
                "code": entry.receipt.code,
                "operations": [[one.method, to_json(one.arguments)] for one in entry.transaction.operations],
            }
            for entry in facts.transactions
        ],
        "steps": facts.steps,
    }
