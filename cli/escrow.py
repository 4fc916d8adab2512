"""`tradelane escrow open|show|present|dispute|resolve|review|cancel|poke`: pay when the goods are there."""

import hashlib
import time
import uuid
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

import typer
from rich.markup import escape

from cli.escrow_terms import read_terms
from cli.formatting import committed_table, committed_value, done_text, time_text
from cli.money import (
    AmountArgument,
    AttestationsOption,
    BeneficiaryOption,
    CurrencyArgument,
    OriginatorOption,
    ReferenceOption,
    require_currency,
)
from cli.output import fields_table
from cli.party_files import read_parties
from cli.proofs import freshness_text, freshness_value, trust_file
from cli.quote_file import read_quote_file
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    Session,
    TrustOption,
    WaitOption,
    open_session,
)
from contracts import heads
from contracts.trade.escrow import terms_to_sign
from ledger.codec import Value
from ledger.keys import signed_preimage
from ledger.readable import to_json
from ledger.transaction import Operation
from tradelane import BadRequestError, Checked, NotFoundError, fetch_checked, format_amount, load_trust, parse_amount

_EPILOG: Final = """\b
Examples:
  tradelane escrow open 2000.00 HKD --from buyer/HKD --to seller/PHP \\
      --when delivered.json --quote quote.json --as buyer
  tradelane escrow show 8a562c67-ca16-48ba-b074-65581be6f001
"""
_OPEN_EPILOG: Final = """\b
Examples:
  tradelane escrow open 1250.00 USD --from retailer/USD --to brand/USD \\
      --when delivered.json --as retailer
  tradelane escrow open 2000.00 HKD --from buyer/HKD --to seller/PHP \\
      --when delivered.json --quote quote.json --arbiter customs \\
      --days 30 --dispute-days 14 --default refund --as buyer
\b
A file delivered.json that waits for the carrier's event:
  {"kind": "event", "step": "arriving", "roles": ["carrier"],
   "things": ["https://id.gs1.org/00/395211020000004175"],
   "cold_chain": "unbroken"}
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane escrow show 8a562c67-ca16-48ba-b074-65581be6f001
"""
_PRESENT_EPILOG: Final = """\b
Examples:
  tradelane escrow present 8a562c67-ca16-48ba-b074-65581be6f001 \\
      --document bill_of_lading=lading.pdf --as carrier
  tradelane escrow present 8a562c67-ca16-48ba-b074-65581be6f001 --agree \\
      --as retailer
"""
_DISPUTE_EPILOG: Final = """\b
Examples:
  tradelane escrow dispute 8a562c67-ca16-48ba-b074-65581be6f001 \\
      --reason "two cases are missing" --as retailer
"""
_RESOLVE_EPILOG: Final = """\b
Examples:
  tradelane escrow resolve 8a562c67-ca16-48ba-b074-65581be6f001 900.00 \\
      --as customs
"""
_CANCEL_EPILOG: Final = """\b
Examples:
  tradelane escrow cancel 8a562c67-ca16-48ba-b074-65581be6f001 --as brand
"""
_REVIEW_EPILOG: Final = """\b
Examples:
  tradelane escrow review 8a562c67-ca16-48ba-b074-65581be6f001 --release \\
      --as bank
  tradelane escrow review 8a562c67-ca16-48ba-b074-65581be6f001 --return \\
      --as bank
"""
_POKE_EPILOG: Final = """\b
Examples:
  tradelane escrow poke 8a562c67-ca16-48ba-b074-65581be6f001 --as carrier
"""
_DAY_MS: Final = 24 * 3_600_000

UetrArgument = Annotated[str, typer.Argument(metavar="UETR", help="Reference of the payment.", show_default=False)]

app = typer.Typer(help="Pay when the goods are there.", no_args_is_help=True, epilog=_EPILOG)


@app.command("open", epilog=_OPEN_EPILOG)
def open_escrow(
    context: typer.Context,
    amount: AmountArgument,
    currency: CurrencyArgument,
    *,
    debit: Annotated[str, typer.Option("--from", metavar="ACCOUNT", help="Account that pays.", show_default=False)],
    credit: Annotated[str, typer.Option("--to", metavar="ACCOUNT", help="Account that is paid.", show_default=False)],
    when: Annotated[Path, typer.Option(metavar="FILE", help="Condition or milestones, in JSON.", show_default=False)],
    quote: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Quote of a provider, to another currency.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=300, help="Days until what is not released goes back.")] = 30,
    dispute_days: Annotated[
        int, typer.Option(min=0, max=60, help="Days after that, until a dispute ends by its default.")
    ] = 14,
    default: Annotated[
        Literal["refund", "release"], typer.Option(help="What comes of a dispute that nobody resolves.")
    ] = "refund",
    when_impossible: Annotated[
        Literal["refund", "wait"], typer.Option(help="What comes of a condition that can never be met.")
    ] = "refund",
    arbiter: Annotated[str | None, typer.Option(metavar="ORGANISATION", help="Who may resolve a dispute.")] = None,
    uetr: Annotated[str | None, typer.Option(help="Reference, a random UUID; the same opens once.")] = None,
    reference: ReferenceOption = None,
    originator: OriginatorOption = None,
    beneficiary: BeneficiaryOption = None,
    attestations: AttestationsOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Hold a payment until a condition is met.

    The owner of the paying account signs. The money is held in every currency that it moves through; it is released by
    the operation that records the last thing that was asked for, or goes back.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    with session.client() as client:
        payer = client.account(debit)
    require_currency(payer, currency)
    minor_units = parse_amount(amount, payer.exponent)
    now_ms = time.time_ns() // 1_000_000
    arguments: dict[str, Value] = {
        "uetr": uetr or str(uuid.uuid4()),
        "payer": debit,
        "payee": credit,
        "amount": minor_units,
        **read_terms(when, payer.exponent),
        "deadline_ms": now_ms + days * _DAY_MS,
        "dispute_deadline_ms": now_ms + (days + dispute_days) * _DAY_MS,
        "default": default,
        "when_impossible": when_impossible,
        **read_parties(originator, beneficiary, attestations or []),
    }
    if quote is not None:
        arguments["quote"] = read_quote_file(quote).value
    if arbiter is not None:
        arguments["arbiter"] = session.organisation_id(arbiter)
    if reference is not None:
        arguments["reference"] = reference
    held = f"held {format_amount(minor_units, payer.exponent)} {currency} for {credit}"
    _submit(session, "open", arguments, wait, held)


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show a payment in escrow and all that changed it, proven.

    The node need not be trusted: the answer is checked against the trust root.
    """
    session = open_session(context, json=json, node=node, network=network)
    checked = _proven(session, uetr, trust)
    head = checked.facts.heads[0]
    value = cast("dict[str, Any]", head.value)
    terms = value["escrow"]
    exponent = _proven_exponent(session, value["source_currency"], trust)

    def share(minor_units: int) -> str:
        whole = format_amount(terms["amount"], exponent)
        return f"{format_amount(minor_units, exponent)} of {whole} {escape(value['source_currency'])}"

    rows = [
        ("status", escape(value["status"])),
        ("from", escape(f"{value['payer']} ({value['source_currency']})")),
        ("to", escape(f"{value['payee']} ({value['target_currency']})")),
        ("held until", time_text(terms["deadline_ms"])),
        ("a dispute", f"ends {time_text(terms['dispute_deadline_ms'])} by {terms['default']}"),
        ("released", share(terms["released"])),
        ("sent back", share(terms["returned"])),
    ]
    if "reviewers" in terms:
        rows.append(("in review by", escape(", ".join(terms["reviewers"]))))
    if "mark" in terms:
        rows.append(("refused", escape(terms["mark"])))
    steps = [
        f"{number:>3}  {time_text(record.time_ms)}  block {record.height}  {escape(record.operation.method)}"
        for number, record in enumerate(head.records, head.count - len(head.records) + 1)
    ]
    shown = {
        "uetr": uetr,
        "payment": to_json(dict[str, Value](value)),
        "steps": [[record.height, record.time_ms, record.operation.method] for record in head.records],
        **freshness_value(checked),
    }
    session.output.result(shown, fields_table(rows), "\n".join(steps), freshness_text(checked))


@app.command("present", epilog=_PRESENT_EPILOG)
def present(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    document: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=FILE", help="Document whose SHA-256 is shown; may be repeated.")
    ] = None,
    preimage: Annotated[list[str] | None, typer.Option(metavar="HEX", help="Bytes that a hash was given of.")] = None,
    agree: Annotated[bool, typer.Option("--agree", help="Give the word of one's organisation.")] = False,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the terms with the key itself.")] = False,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Show what a condition asks for: documents, preimages, agreement.

    A document stays where it is; its hash and its type are put on the ledger.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {"uetr": uetr, "documents": [_hashed(entry) for entry in document or []]}
    arguments["preimages"] = cast("list[Value]", [_bytes(text) for text in preimage or []])
    if agree:
        arguments["agree"] = True
    if sign:
        terms = cast(Any, _proven(session, uetr, trust).facts.heads[0].value)["terms"]
        signing_key = session.key()
        with session.client() as client:
            chain_id = bytes.fromhex(client.chain_id())
        signature = signing_key.sign(signed_preimage("escrow", chain_id, terms_to_sign(uetr, terms)))
        arguments["signatures"] = [[signing_key.public_key, signature]]
    _submit(session, "present", arguments, wait, f"presented for {uetr}")


@app.command("dispute", epilog=_DISPUTE_EPILOG)
def dispute(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Stop a payment until it is resolved, as its payer or its payee."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    _submit(session, "dispute", {"uetr": uetr, "reason": reason}, wait, f"disputed {uetr}")


@app.command("resolve", epilog=_RESOLVE_EPILOG)
def resolve(
    context: typer.Context,
    uetr: UetrArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What of it the payee gets, such as 900.00.")],
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Divide what a disputed payment holds, in the currency that is paid with.

    The arbiter decides alone; payer and payee decide by saying the same.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    payer = cast(Any, _proven(session, uetr, trust).facts.heads[0].value)["payer"]
    with session.client() as client:
        exponent = client.account(payer).exponent
    split = parse_amount(amount, exponent)
    _submit(session, "resolve", {"uetr": uetr, "split": split}, wait, f"said {amount} of {uetr} to be the payee's")


@app.command("review", epilog=_REVIEW_EPILOG)
def review(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    is_released: Annotated[
        bool, typer.Option("--release/--return", help="Agree, or send all of it back.", show_default=False)
    ],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Say what becomes of a payment that waits for your review.

    Payments wait where the rules of a corridor ask for it; `tradelane corridor watch` shows what an account paid. Until
    all its reviewers agree, nothing of a payment is released.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    verdict, done = ("release", "agreed to") if is_released else ("return", "sent back")
    _submit(session, "review", {"uetr": uetr, "verdict": verdict}, wait, f"{done} {uetr}")


@app.command("cancel", epilog=_CANCEL_EPILOG)
def cancel(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Send back what is held for you, as the payee."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    _submit(session, "cancel", {"uetr": uetr}, wait, f"cancelled {uetr}")


@app.command("poke", epilog=_POKE_EPILOG)
def poke(
    context: typer.Context,
    uetr: UetrArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Let happen what is due of a payment; anybody may."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    _submit(session, "poke", {"uetr": uetr}, wait, f"poked {uetr}")


def _submit(session: Session, verb: str, arguments: dict[str, Value], wait_s: float, done: str) -> None:
    """Send the operation and print what became of the payment."""
    key = session.key()
    with session.client() as client:
        status = client.submit([Operation(f"trade.{verb}", arguments)], key, wait_s=wait_s)
    outputs = None if status.receipt is None else status.receipt.outputs
    output = cast("list[dict[str, Any]]", outputs)[0] if isinstance(outputs, list) and outputs else {}
    uetr = cast(str, arguments["uetr"])
    value = {"uetr": uetr, **committed_value(status), "payment": output}
    now = f"payment {uetr} is {output.get('status', 'not final yet')}"
    session.output.result(value, done_text(done), committed_table(status), escape(now))


def _proven(session: Session, uetr: str, trust: Path | None) -> Checked:
    """Return a payment as the nodes prove it; raises NotFoundError where none was held under this reference."""
    checked = _head(session, heads.payment(uetr), trust)
    value = checked.facts.heads[0].value
    if value is None or "escrow" not in value:
        raise NotFoundError("escrow.unknown", f"no payment {uetr} was held for a condition", "check the UETR")
    return checked


def _hashed(entry: str) -> list[Value]:
    kind, found, name = entry.partition("=")
    if not found:
        raise BadRequestError("escrow.document", f"{entry[:100]!r} is not TYPE=FILE", "write bill_of_lading=lading.pdf")
    try:
        return [kind, hashlib.sha256(Path(name).read_bytes()).digest()]
    except OSError as error:
        raise BadRequestError("file.unreadable", f"{name}: {error.strerror}", "check the path") from error


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise BadRequestError(
            "escrow.preimage", f"{text[:64]!r} is not hexadecimal", "write bytes as 0a1b2c"
        ) from error


def _proven_exponent(session: Session, currency: str, trust: Path | None) -> int:
    """Return how many decimals a currency has; one of another number would show a payment ten times as large."""
    value = cast("dict[str, int]", _head(session, heads.currency(currency), trust).facts.heads[0].value)
    return value["exponent"]


def _head(session: Session, key: bytes, trust: Path | None) -> Checked:
    """Return the one head under a key as the nodes prove it."""
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        return fetch_checked(client, lambda one: one.heads_proof([key]), root)
