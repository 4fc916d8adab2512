"""The read side of governance: who the validators are and were, what is proposed, and who was seen to vote twice.

Pure reads over a store, in the shapes of docs/api.md.
"""

from itertools import islice
from typing import Final, cast

from contracts.execute import read_validators
from ledger.evidence import Equivocation, equivocation_from_value
from ledger.readable import Json, to_json
from ledger.state import Head, head_key
from ledger.validators import ValidatorSet
from node.queries import JsonObject, Page, organisation_name, scan_page
from node.storage.store import Store

DOUBLE_VOTES_COUNTED_MAX: Final = 100
"""Double votes of one validator that the list of validators counts; the list of evidence has all."""


def validators_at(store: Store, height: int | None) -> JsonObject | None:
    """Return the validators who sign the block at a height, by default the next one; None where they are not known.

    ``change`` is what the block after the next one brings, None where the same go on.
    """
    tip = store.tip
    wanted = tip.height + 1 if height is None else height
    members = read_validators(store) if wanted == tip.height + 2 else store.validators_at(wanted)
    if members is None:
        return None
    after = read_validators(store) if wanted == tip.height + 1 else None
    return {
        "height": wanted,
        "quorum": members.quorum,
        "faults_tolerated": members.faults_tolerated,
        "hash": members.hash.hex(),
        "validators": [
            {
                "index": index,
                "public_key": member.public_key.hex(),
                "organisation": member.organisation,
                "organisation_name": organisation_name(store, member.organisation),
                "double_votes": _count_double_votes(store, member.public_key),
            }
            for index, member in enumerate(members)
        ],
        "change": None if after is None or after == members else _change(members, after, wanted + 1),
    }


def proposals_page(store: Store, cursor: str | None, limit: int, status: str | None = None) -> Page:
    """Return proposals by id, all or those in a status."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        if status not in (None, head["status"]):
            return None
        return {
            "id": parts[1],
            "proposer": cast(str, head["proposer"]),
            "method": cast(str, head["method"]),
            "arguments": to_json(head["arguments"]),
            "expires_ms": cast(int, head["expires_ms"]),
            "status": cast(str, head["status"]),
            "approvals": to_json(head["approvals"]),
        }

    return scan_page(store, "proposal", cursor, limit, read)


def evidence_page(store: Store, cursor: str | None, limit: int, validator: str | None = None) -> Page:
    """Return the double votes that are on the ledger, by validator and height; all or those of one key in hex."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        if validator not in (None, parts[1]):
            return None
        return {
            **equivocation_json(equivocation_from_value(head["evidence"])),
            "organisation": cast(str, head["organisation"]),
            "reporter": cast(str, head["reporter"]),
            "reported_ms": cast(int, head["reported_ms"]),
        }

    return scan_page(store, "evidence", cursor, limit, read)


def equivocation_json(evidence: Equivocation) -> JsonObject:
    """Return a double vote: who, where, and the two votes with their signatures, so that anybody can check it."""
    votes: list[Json] = [
        {"block_hash": block_hash.hex(), "signature": signature.hex()}
        for block_hash, signature in (evidence.first, evidence.second)
    ]
    return {
        "validator": evidence.validator.hex(),
        "kind": evidence.kind,
        "height": evidence.height,
        "view": evidence.view,
        "votes": votes,
    }


def _change(before: ValidatorSet, after: ValidatorSet, from_height: int) -> JsonObject:
    def rows(members: ValidatorSet, others: ValidatorSet) -> list[Json]:
        return [
            {"public_key": member.public_key.hex(), "organisation": member.organisation}
            for member in members
            if member not in others.validators
        ]

    return {
        "from_height": from_height,
        "hash": after.hash.hex(),
        "add": rows(after, before),
        "remove": rows(before, after),
    }


def _count_double_votes(store: Store, public_key: bytes) -> int:
    prefix = head_key("evidence", public_key.hex()) + b"\0"
    return sum(1 for _ in islice(store.heads(prefix), DOUBLE_VOTES_COUNTED_MAX))
