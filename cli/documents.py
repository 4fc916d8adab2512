"""`tradelane document ...`: say what papers are about, see what is said of them, and prove it from the file alone."""

import hashlib
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from cli.formatting import TIME_HELP, read_time, time_text
from cli.output import table
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
from cli.subjects import subject_of
from cli.submitting import submit_operation
from contracts import heads
from contracts.provenance.documents import KINDS
from ledger.codec import Value
from ledger.readable import to_json
from tradelane import BadRequestError, DocumentStatement, fetch_checked, load_trust
from tradelane.fields import Fields
from tradelane.papers import read_statements

EXIT_NOBODY: Final = 5

_EPILOG: Final = """\b
Examples:
  tradelane document anchor invoice.pdf 09521102002002 --kind invoice --as brand
  tradelane document check invoice.pdf
"""
_ANCHOR_EPILOG: Final = """\b
Examples:
  tradelane document anchor organic.pdf 09521102002002 --kind certificate \\
      --issuer "Control Union" --until 2027-06-30 --as brand
  tradelane document anchor report.pdf \\
      https://id.gs1.org/01/09521102002002/10/L7 --kind test_report \\
      --issued --as certifier
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane document show 09521102002002
  tradelane document show https://id.gs1.org/01/09521102002002/21/3pGU9njk
"""
_CHECK_EPILOG: Final = """\b
Examples:
  tradelane document check organic.pdf
"""
_REVOKE_EPILOG: Final = """\b
Examples:
  tradelane document revoke organic.pdf --reason "withdrawn" --as certifier
"""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The document itself.", show_default=False)]

app = typer.Typer(help="Documents and certificates.", no_args_is_help=True, epilog=_EPILOG)


@app.command("anchor", epilog=_ANCHOR_EPILOG)
def anchor(
    context: typer.Context,
    file: FileArgument,
    subjects: Annotated[list[str], typer.Argument(metavar="GTIN|ID...", help="Products, lots, items, firms (org:ID).")],
    *,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(sorted(KINDS))}.", show_default=False)],
    issued: Annotated[bool, typer.Option("--issued", help="You issued it yourself: verified.")] = False,
    title: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    reference: Annotated[str | None, typer.Option(help="Its number.")] = None,
    issuer: Annotated[str | None, typer.Option(help="Who issued it, if not you.")] = None,
    begins: Annotated[str | None, typer.Option("--from", help=f"It is valid from here on. {TIME_HELP}")] = None,
    until: Annotated[str | None, typer.Option(help="It is valid before this time.")] = None,
    url: Annotated[str | None, typer.Option(help="Where to get it.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Put the hash of a document on the ledger, with what it is about.

    The file stays with you. Whoever owns or holds what it is about evidences it, whoever issued it verifies it.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    if kind not in KINDS:
        raise BadRequestError(
            "document.kind", f"{kind[:50]!r} is no kind of document", f"choose one of {', '.join(sorted(KINDS))}"
        )
    if issued and issuer is not None:
        raise BadRequestError("document.issuer", "with --issued you are the issuer", "leave out one of the two")
    document_hash = _hash_of(file)
    given: dict[str, Value] = {
        "title": title,
        "reference": reference,
        "issuer": issuer,
        "valid_from_ms": None if begins is None else read_time(begins),
        "valid_until_ms": None if until is None else read_time(until),
        "url": url,
    }
    arguments: dict[str, Value] = {
        "hash": document_hash,
        "kind": kind,
        "subjects": [list[Value](subject_of(name)) for name in subjects],
        **{name: value for name, value in given.items() if value is not None},
    }
    submit_operation(
        session,
        "provenance.issue_document" if issued else "provenance.anchor_document",
        arguments,
        wait_s=wait,
        shown={"hash": document_hash.hex()},
        done=f"{'verified' if issued else 'evidenced'} {file.name}",
    )


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="GTIN|ID", help="A product, thing or firm.", show_default=False)],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show the documents about a thing with its lot and product, or about a firm, and who says so."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.documents(subject_of(subject)[1])
    rows = table("document", "kind", "said by", "state", "valid until", "title")
    now_ms = time.time_ns() // 1_000_000
    for one in found:
        for said in one.statements:
            _add_row(rows, one.hash, said, now_ms)
    session.output.result([one.fields for one in found], rows if found else "there is no document about it")


@app.command("check", epilog=_CHECK_EPILOG)
def check(
    context: typer.Context,
    file: FileArgument,
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Prove who stands behind a document, and that it was not revoked.

    The node need not be trusted: that nobody ever spoke of it is proven too. Exit code 5 means that nobody stands
    behind it now: unknown, revoked or expired.
    """
    session = open_session(context, json=json, node=node, network=network)
    root = load_trust(trust_file(session, trust))
    document_hash = _hash_of(file)
    with session.client() as client:
        checked = fetch_checked(client, lambda one: one.heads_proof([heads.document(document_hash)]), root)
    facts = checked.facts
    value = facts.heads[0].value
    said = () if value is None else read_statements(Fields({"s": to_json(value["statements"])}, "proof").object("s"))
    in_force = [one for one in said if one.is_in_force(facts.time_ms)]
    text = "\n".join(_line(one, facts.time_ms) for one in said)
    if not said:
        text = "[bold red]unknown[/]: nobody has ever said anything of this file; one changed byte makes it another"
    result = {
        "hash": document_hash.hex(),
        "in_force": [one.organisation for one in in_force],
        "statements": [_plain(one, facts.time_ms) for one in said],
        "height": facts.height,
        **freshness_value(checked),
    }
    as_of = f"[dim]as of block {facts.height}, {time_text(facts.time_ms)}[/]"
    session.output.result(result, text, as_of, freshness_text(checked))
    if not in_force:
        raise typer.Exit(EXIT_NOBODY)


@app.command("revoke", epilog=_REVOKE_EPILOG)
def revoke(
    context: typer.Context,
    file: FileArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Take back, for good, what your organisation said of a document."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    document_hash = _hash_of(file)
    submit_operation(
        session,
        "provenance.revoke_document",
        {"hash": document_hash, "reason": reason},
        wait_s=wait,
        shown={"hash": document_hash.hex()},
        done=f"revoked {file.name}",
    )


def _hash_of(file: Path) -> bytes:
    """Return the SHA-256 of a file of any size."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadRequestError("file.unreadable", f"{file}: {reason}", "check the path") from error


def _state(said: DocumentStatement, now_ms: int) -> str:
    if said.status == "revoked":
        return "revoked"
    if said.valid_until_ms is not None and said.valid_until_ms <= now_ms:
        return "expired"
    return said.level if said.is_in_force(now_ms) else "not yet valid"


def _line(said: DocumentStatement, now_ms: int) -> str:
    state = _state(said, now_ms)
    colour = "green" if state == "verified" else "yellow" if state == "evidenced" else "bold red"
    by = f"by {said.organisation}" + (f", issued by {said.issuer}, it says" if said.issuer else "")
    until = "" if said.valid_until_ms is None else f", valid until {time_text(said.valid_until_ms)}"
    reason = "" if said.revocation_reason is None else f": {said.revocation_reason}"
    return f"[{colour}]{state}[/] {escape(f'{by}: {said.kind}{until}{reason}')}"


def _add_row(rows: Table, document_hash: str, said: DocumentStatement, now_ms: int) -> None:
    until = "" if said.valid_until_ms is None else time_text(said.valid_until_ms)[:10]
    rows.add_row(
        document_hash[:12],
        said.kind,
        escape(said.organisation),
        _state(said, now_ms),
        until,
        escape(said.title or said.reference or ""),
    )


def _plain(said: DocumentStatement, now_ms: int) -> dict[str, object]:
    return {
        "organisation": said.organisation,
        "state": _state(said, now_ms),
        "level": said.level,
        "kind": said.kind,
        "title": said.title,
        "reference": said.reference,
        "issuer": said.issuer,
        "valid_until_ms": said.valid_until_ms,
        "revocation_reason": said.revocation_reason,
    }
