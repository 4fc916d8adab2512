"""`tradelane iso fill`: names and addresses put into a written message, by who may read them."""

import json as json_text
from dataclasses import fields, replace
from typing import Annotated, Final

import typer

from cli.iso_export import OutputOption, write_export
from cli.iso_files import read_message_file, refused
from cli.party import DataArgument, SealedKeyArgument
from cli.party_files import read_sealed_data, read_sealed_key
from cli.session import AsOption, KeyOption, NetworkOption, open_session
from standards.errors import IsoError
from standards.iso20022.layout import writable
from standards.iso20022.messages import MessageRecord, is_whole, read_message, write_record_as
from standards.iso20022.parties import LedgerProof, Party
from standards.iso20022.transfers import CreditTransfers, Initiation
from tradelane import BadRequestError, NotFoundError, unseal_data

FILL_EPILOG: Final = """\b
Examples:
  tradelane iso fill payment.xml o7.originator.sealed.json \\
      o7.originator.key.json -o full.xml --as bank
"""
_BIRTH: Final = ("birth_date", "birth_town", "birth_country")
_NAMES: Final = tuple(field.name for field in fields(Party))


def fill(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A pain.001 or pacs.008 that `payment --as` wrote.")],
    data_file: DataArgument,
    key_file: SealedKeyArgument,
    *,
    output: OutputOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
) -> None:
    """Put the sealed data of payer or payee into a message.

    It takes the place of NOTPROVIDED, and whoever runs this has to be one of those it was sealed to. The commitment in
    the message says whose data it is; other data is refused. What comes out is for the bank that may know it, and for
    no ledger. Asks nobody.
    """
    session = open_session(context, network=network, key=key, acting_as=acting_as)
    sealed = read_sealed_data(data_file)
    party = _party(unseal_data(sealed, read_sealed_key(key_file), session.key()))
    try:
        message = read_message_file(file)
        record = read_message(message)
        filled = write_record_as(message.identifier, _filled(record, sealed.commitment.hex(), party))
        if not is_whole(message, record):
            raise BadRequestError(
                "iso.not_ours", "the message says more than Tradelane writes, which would be lost", "fill it in before"
            )
    except IsoError as error:
        raise refused(file, error) from None
    write_export(session, filled, output)


def _filled(record: MessageRecord, commitment: str, party: Party) -> MessageRecord:
    """Return a message with the data of the party that has this commitment; raises TradelaneError."""
    if isinstance(record, CreditTransfers) and len(record.transfers) == 1:
        (transfer,) = record.transfers
        is_originator = _is_originator(transfer.proof, commitment)
        named = replace(transfer, debtor=party) if is_originator else replace(transfer, creditor=party)
        return replace(record, transfers=(named,))
    if isinstance(record, Initiation) and len(record.groups) == 1 and len(record.groups[0].instructions) == 1:
        (group,) = record.groups
        (one,) = group.instructions
        if _is_originator(one.proof, commitment):
            return replace(record, groups=(replace(group, debtor=party),))
        return replace(record, groups=(replace(group, instructions=(replace(one, creditor=party),)),))
    raise BadRequestError("iso.not_filled", "the message is not of one payment", "a pain.001 or pacs.008 may be")


def _is_originator(proof: LedgerProof | None, commitment: str) -> bool:
    if proof is None or commitment not in (proof.originator, proof.beneficiary):
        raise NotFoundError(
            "iso.other_party", "the message has no commitment to this data", "it is another payment's, or sealed again"
        )
    return commitment == proof.originator


def _party(data: bytes) -> Party:
    """Return who the data is about; an error says what is missing and never what is there."""
    try:
        said = json_text.loads(data)
        known = {name: said[name] for name in _NAMES if name in said}
    except (ValueError, TypeError, RecursionError):
        known = {}
    lines = known.pop("address_lines", [])
    is_text = all(isinstance(value, str) for value in (*known.values(), *lines)) if isinstance(lines, list) else False
    if not is_text or "name" not in known:
        raise BadRequestError("party.data", "the sealed data has no name, or a field that is no text", "see `iso seal`")
    if not all(name in known for name in _BIRTH):
        known = {name: value for name, value in known.items() if not name.startswith("birth_")}
    texts = {name: writable(value) for name, value in known.items()}
    return Party(**texts, address_lines=tuple(map(writable, lines)))
