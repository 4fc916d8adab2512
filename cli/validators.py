"""`tradelane validators ...`: who votes on blocks, how that changes, and who was seen to vote twice."""

import json as json_module
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.formatting import committed_table, committed_value, done_text, time_text
from cli.output import fields_table, short, table
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    Session,
    WaitOption,
    open_session,
)
from ledger.codec import Value
from ledger.errors import LedgerError
from ledger.genesis import genesis_from_json
from ledger.keys import verify
from ledger.transaction import Operation
from ledger.validators import Validator, ValidatorSet, possession_preimage
from node.config import genesis_path, validator_key_path
from tradelane import BadRequestError, ConflictError, NodeStatus, Proposal, TransactionStatus, Validators
from tradelane.keys import load_key

JOINER_FORMAT: Final = "tradelane-validator/1"
CHANGE_METHOD: Final = "governance.change_validators"
_PREFIX_DIGITS_MIN: Final = 8

_EPILOG: Final = """\b
Examples:
  tradelane validators list
  tradelane validators possession --home node-5 \\
      --organisation retailer -o retailer.json
  tradelane validators propose --add retailer.json --as brand
  tradelane validators approve change-5f0c... --as maker
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane validators list
  tradelane validators list --height 12 --json
"""
_POSSESSION_EPILOG: Final = """\b
Examples:
  tradelane validators possession --home node-5 \\
      --organisation retailer -o retailer.json
"""
_PROPOSE_EPILOG: Final = """\b
Examples:
  tradelane validators propose --add retailer.json --as brand
  tradelane validators propose --remove 3f2c9a41 --as brand
  tradelane validators propose --add new.json --remove 3f2c9a41 --as brand
"""
_APPROVE_EPILOG: Final = """\b
Examples:
  tradelane validators approve change-5f0c... --as maker
"""
_PROPOSALS_EPILOG: Final = """\b
Examples:
  tradelane validators proposals
  tradelane validators proposals --status executed --json
"""
_EVIDENCE_EPILOG: Final = """\b
Examples:
  tradelane validators evidence
"""

app = typer.Typer(help="Look at the validators and change them.", no_args_is_help=True, epilog=_EPILOG)


@app.command("list", epilog=_LIST_EPILOG)
def list_validators(
    context: typer.Context,
    *,
    height: Annotated[int | None, typer.Option(min=1, help="Block that they sign; else the next one.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show who signs the next block, the change that is about to take effect, and who voted twice."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.validators(height)
    session.output.result(found, *_validators(found))


@app.command("possession", epilog=_POSSESSION_EPILOG)
def possession(
    context: typer.Context,
    *,
    home: Annotated[Path, typer.Option("--home", metavar="DIRECTORY", help="Home of the node that is to vote.")],
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="ORGANISATION", help="Who runs it.", show_default=False)
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else stdout.")] = None,
    json: JsonOption = False,
) -> None:
    """Make what a joining validator hands to whoever proposes it: its key, and the proof that it holds it.

    It holds no secret. It is good for this chain and this organisation alone.
    """
    session = open_session(context, json=json)
    try:
        genesis = genesis_from_json(genesis_path(home).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadRequestError("home.missing", f"{home} holds no node", "make one with `tradelane init`") from error
    except (LedgerError, UnicodeDecodeError) as error:
        raise BadRequestError("genesis.damaged", f"{genesis_path(home)}: {error}") from error
    key = load_key(validator_key_path(home))
    proof = key.sign(possession_preimage(genesis.chain_id, key.public_key, organisation))
    fields = {
        "format": JOINER_FORMAT,
        "chain_id": genesis.chain_id.hex(),
        "public_key": key.public_key.hex(),
        "organisation": organisation,
        "possession": proof.hex(),
    }
    text = json_module.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        session.output.raw(text)
    else:
        output.write_text(text, encoding="utf-8")
        session.output.note(f"saved {escape(str(output))}")


@app.command("propose", epilog=_PROPOSE_EPILOG)
def propose(
    context: typer.Context,
    *,
    add: Annotated[
        list[Path] | None, typer.Option("--add", metavar="FILE", help="What `possession` made for one that joins.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="Key of one that leaves, or its first digits.")
    ] = None,
    proposal_id: Annotated[str | None, typer.Option("--id", help="Id of the proposal; else a random one.")] = None,
    hours: Annotated[int, typer.Option(min=1, help="How long it can be approved.")] = 72,
    force: Annotated[bool, typer.Option("--force", help="Even if too few of the validators can be reached.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Propose that validators join and leave, as an organisation that runs one; that is its approval too.

    More than two thirds of the organisations have to approve. The change is in effect two blocks later. A key is
    replaced by adding the new and removing the old one in one proposal.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    if not add and not remove:
        raise BadRequestError("change.empty", "nobody would join or leave", "use --add and --remove")
    signing_key = session.key()
    chosen = proposal_id or f"change-{secrets.token_hex(8)}"
    with session.client() as client:
        joiners = [_read_joiner(path, client.chain_id()) for path in add or ()]
        validators = client.validators()
        leavers = _keys_of(remove or (), validators)
        if not force:
            _require_quorum(client.status(), validators, joiners, leavers)
        change: dict[str, Value] = {
            "add": [[joiner.public_key, joiner.organisation, joiner.possession] for joiner in joiners],
            "remove": list[Value](leavers),
        }
        arguments: dict[str, Value] = {
            "id": chosen,
            "action": [CHANGE_METHOD, change],
            "expires_ms": time.time_ns() // 1_000_000 + hours * 3_600_000,
        }
        status = client.submit([Operation("governance.propose", arguments)], signing_key, wait_s=wait)
    _show_vote(session, chosen, status)


@app.command("approve", epilog=_APPROVE_EPILOG)
def approve(
    context: typer.Context,
    proposal_id: Annotated[str, typer.Argument(metavar="PROPOSAL", help="Id of the proposal.", show_default=False)],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Approve a proposal, of whatever kind; the last approval that is needed carries it out.

    Look at it first: `tradelane validators proposals`.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    signing_key = session.key()
    with session.client() as client:
        operation = Operation("governance.approve", {"id": proposal_id})
        status = client.submit([operation], signing_key, wait_s=wait)
    _show_vote(session, proposal_id, status)


@app.command("proposals", epilog=_PROPOSALS_EPILOG)
def proposals(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="Only those open, executed or withdrawn.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is or was proposed to the validators' organisations, of whatever kind."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.proposals(status)
    rows = table("proposal", "by", "what", "status", "until", "approved by")
    for entry in found:
        cells = (entry.id, entry.proposer, _what(entry), entry.status, time_text(entry.expires_ms))
        rows.add_row(*map(escape, cells), escape(", ".join(entry.approvals)))
    session.output.result({"proposals": found}, rows if found else "no proposals")


@app.command("evidence", epilog=_EVIDENCE_EPILOG)
def evidence(
    context: typer.Context,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show the double votes of validators that are on the ledger, each proven by two signatures."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.evidence()
    rows = table("validator", "run by", ">height", ">view", "kind", "reported by")
    for entry in found:
        place = (str(entry.height), str(entry.view), entry.kind)
        rows.add_row(short(entry.validator), escape(entry.organisation), *place, escape(entry.reporter))
    session.output.result({"evidence": found}, rows if found else "no validator is known to have voted twice")


@dataclass(frozen=True, slots=True)
class _Joiner:
    public_key: bytes
    organisation: str
    possession: bytes


def _read_joiner(path: Path, chain_id: str) -> _Joiner:
    """Return what ``possession`` made, checked as the ledger will check it."""
    try:
        fields = json_module.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != JOINER_FORMAT:
            raise ValueError(f"its format is not {JOINER_FORMAT}")
        found = _Joiner(
            bytes.fromhex(fields["public_key"]), str(fields["organisation"]), bytes.fromhex(fields["possession"])
        )
        if fields["chain_id"] != chain_id:
            raise ValueError("it is for another chain")
    except FileNotFoundError as error:
        raise BadRequestError("joiner.missing", f"{path} does not exist", "ask the joiner for it") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequestError(
            "joiner.damaged", f"{path}: {error}", "the joiner makes it with `tradelane validators possession`"
        ) from error
    message = possession_preimage(bytes.fromhex(chain_id), found.public_key, found.organisation)
    if not verify(found.public_key, message, found.possession):
        raise BadRequestError(
            "joiner.unproven",
            f"{path}: no proof that {found.organisation} holds {found.public_key.hex()}",
            "the joiner makes it with `tradelane validators possession`",
        )
    return found


def _keys_of(prefixes: Sequence[str], validators: Validators) -> list[bytes]:
    """Return the keys of the validators that begin with these digits."""
    keys = []
    for prefix in prefixes:
        matching = [member.public_key for member in validators.members if member.public_key.startswith(prefix.lower())]
        if len(prefix) < _PREFIX_DIGITS_MIN or len(matching) != 1:
            raise BadRequestError(
                "validator.key",
                f"{prefix!r} is not the beginning of one validator's key",
                f"give at least {_PREFIX_DIGITS_MIN} digits; `tradelane validators list` has the keys",
            )
        keys.append(bytes.fromhex(matching[0]))
    return keys


def _require_quorum(
    status: NodeStatus, validators: Validators, joiners: Sequence[_Joiner], leavers: Sequence[bytes]
) -> None:
    """Refuse a change after which too few validators could be reached to commit anything, its own undoing included."""
    members = {bytes.fromhex(member.public_key): member.organisation for member in validators.members}
    members |= {joiner.public_key: joiner.organisation for joiner in joiners}
    try:
        after = ValidatorSet(Validator(key, runner) for key, runner in members.items() if key not in leavers)
    except LedgerError as error:
        raise BadRequestError(f"change.{error.code}", str(error)) from error
    reached = {peer.public_key for peer in status.peers if peer.is_reachable} | {str(status.fields.get("public_key"))}
    count = sum(member.public_key.hex() in reached for member in after)
    if count < after.quorum:
        raise ConflictError(
            "change.no_quorum",
            f"{status.name} reaches {count} of the {len(after)} validators that there would be, "
            f"and {after.quorum} are needed to commit",
            "start them and give every node their address, or use --force",
        )


def _validators(found: Validators) -> list[RenderableType]:
    rows = table(">index", "key", "run by", ">double votes")
    for index, member in enumerate(found.members):
        rows.add_row(str(index), short(member.public_key), escape(member.organisation), str(member.double_votes))
    count, faults = len(found.members), found.faults_tolerated
    summary = f"block {found.height} needs {found.quorum} of {count} signatures; tolerated faulty validators: {faults}"
    shown: list[RenderableType] = [rows, "", summary]
    if found.change is not None:
        joins = [f"joins {short(member.public_key)} of {member.organisation}" for member in found.change.add]
        leaves = [f"leaves {short(member.public_key)} of {member.organisation}" for member in found.change.remove]
        shown += [f"from block {found.change.from_height} on:", *(escape(f"  {line}") for line in (*joins, *leaves))]
    return shown


def _what(entry: Proposal) -> str:
    name = entry.method.partition(".")[2]
    if entry.method != CHANGE_METHOD:
        return name
    rows = [(sign, entry.arguments.get(field)) for sign, field in (("+", "add"), ("-", "remove"))]
    return " ".join([name, *(f"{sign}{len(row)}" for sign, row in rows if isinstance(row, list) and row)])


def _show_vote(session: Session, proposal_id: str, status: TransactionStatus) -> None:
    outputs = None if status.receipt is None else status.receipt.outputs
    said = outputs[0] if isinstance(outputs, list) and outputs and isinstance(outputs[0], dict) else {}
    is_executed = said.get("executed") is True
    counts = f"{said.get('approvals')} of {said.get('organisations')} organisations approved"
    done = f"{proposal_id} is carried out" if is_executed else f"{proposal_id} waits for more approvals"
    result = {"proposal": proposal_id, "is_executed": is_executed, **committed_value(status)}
    rows = fields_table([("approvals", escape(counts))])
    session.output.result(result, done_text(done), rows, committed_table(status))
