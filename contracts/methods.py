"""Every method that a transaction can call, who may call it, and the handler. Nothing registers itself."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from contracts import evidence, governance, membership, validators
from contracts.context import Context
from contracts.governance import Handler
from contracts.identity import codes, links, scans, tags
from contracts.provenance import (
    capture,
    cold_chain,
    cold_devices,
    custody,
    customs,
    documents,
    emissions,
    parts,
    products,
    recalls,
)
from contracts.settlement import (
    accounts,
    attestations,
    corridors,
    currencies,
    holds,
    payments,
    quotes,
    transfers,
    windows,
)
from contracts.trade import escrow, opening, paying, waiting
from ledger.codec import Value

Then = Callable[[Context, dict[str, Value], Value], Value]


class Access(Enum):
    """What a sender needs, besides a valid key of an active organisation."""

    AUTHORITY = "founders and governance only"
    ADMIN = "an admin key"
    VALIDATOR = "an organisation that runs a validator"
    ROLE = "a role that the chain's permissions name"


@dataclass(frozen=True, slots=True)
class Method:
    """A handler and who may reach it; ``at_genesis`` says whether the founders can call it at height 0.

    ``then`` runs after the handler, with its arguments and its output, and returns what is given out
    instead: so that goods settle what waits for them without knowing of money.
    """

    handler: Handler
    access: Access
    at_genesis: bool = False
    then: Then | None = None


METHODS: Final[dict[str, Method]] = {
    "cold_chain.acknowledge": Method(cold_chain.acknowledge, Access.ROLE, then=waiting.after_readings),
    "cold_chain.assign": Method(cold_chain.assign, Access.ROLE),
    "cold_chain.calibrate": Method(cold_devices.calibrate, Access.ROLE),
    "cold_chain.define_profile": Method(cold_devices.define_profile, Access.ROLE),
    "cold_chain.record_batch": Method(cold_chain.record_batch, Access.ROLE, then=waiting.after_readings),
    "cold_chain.register_device": Method(cold_devices.register_device, Access.ROLE),
    "cold_chain.release": Method(cold_chain.release, Access.ROLE),
    "cold_chain.revoke_device": Method(cold_devices.revoke_device, Access.ROLE),
    "custody.accept": Method(custody.accept, Access.ROLE, then=waiting.after_acceptance),
    "custody.cancel": Method(custody.cancel, Access.ROLE),
    "custody.offer": Method(custody.offer, Access.ROLE),
    "custody.reject": Method(custody.reject, Access.ROLE),
    "governance.approve": Method(governance.approve, Access.ADMIN),
    "governance.change_validators": Method(validators.change_validators, Access.AUTHORITY),
    "governance.propose": Method(governance.propose, Access.ADMIN),
    "governance.report_equivocation": Method(evidence.report_equivocation, Access.VALIDATOR),
    "governance.set_parameters": Method(governance.set_parameters, Access.AUTHORITY, at_genesis=True),
    "governance.set_permissions": Method(governance.set_permissions, Access.AUTHORITY, at_genesis=True),
    "governance.withdraw": Method(governance.withdraw, Access.ADMIN),
    "identity.anchor_scans": Method(scans.anchor_scans, Access.ROLE),
    "identity.bind_tag": Method(tags.bind_tag, Access.ROLE),
    "identity.commit_codes": Method(codes.commit_codes, Access.ROLE),
    "identity.publish_links": Method(links.publish_links, Access.ROLE),
    "identity.reveal_code": Method(codes.reveal_code, Access.ROLE),
    "membership.add_key": Method(membership.add_key, Access.ADMIN, at_genesis=True),
    "membership.register_organisation": Method(membership.register_organisation, Access.AUTHORITY, at_genesis=True),
    "membership.reinstate_organisation": Method(membership.reinstate_organisation, Access.AUTHORITY, at_genesis=True),
    "membership.revoke_key": Method(membership.revoke_key, Access.ADMIN, at_genesis=True),
    "membership.suspend_organisation": Method(membership.suspend_organisation, Access.AUTHORITY, at_genesis=True),
    "membership.update_organisation": Method(membership.update_organisation, Access.ADMIN, at_genesis=True),
    "provenance.anchor_document": Method(documents.anchor_document, Access.ROLE),
    "provenance.capture": Method(capture.capture, Access.ROLE, then=waiting.after_capture),
    "provenance.capture_part": Method(parts.capture_part, Access.ROLE),
    "provenance.close_recall": Method(recalls.close_recall, Access.ROLE),
    "provenance.decide_customs": Method(customs.decide, Access.ROLE),
    "provenance.declare_customs": Method(customs.declare, Access.ROLE),
    "provenance.issue_document": Method(documents.issue_document, Access.ROLE),
    "provenance.open_recall": Method(recalls.open_recall, Access.ROLE),
    "provenance.record_emissions": Method(emissions.record_emissions, Access.ROLE),
    "provenance.register_product": Method(products.register_product, Access.ROLE, at_genesis=True),
    "provenance.revoke_document": Method(documents.revoke_document, Access.ROLE),
    "provenance.update_product": Method(products.update_product, Access.ROLE),
    "provenance.update_recall": Method(recalls.update_recall, Access.ROLE),
    "provenance.withdraw_emissions": Method(emissions.withdraw_emissions, Access.ROLE),
    "settlement.cancel_quotes": Method(quotes.cancel_quotes, Access.ROLE),
    "settlement.carry_obligation": Method(windows.carry_obligation, Access.ROLE),
    "settlement.close_account": Method(accounts.close_account, Access.ROLE),
    "settlement.define_currency": Method(currencies.define_currency, Access.ROLE, at_genesis=True),
    "settlement.freeze_account": Method(accounts.freeze_account, Access.ROLE),
    "settlement.issue": Method(transfers.issue, Access.ROLE),
    "settlement.open_account": Method(accounts.open_account, Access.ROLE, at_genesis=True),
    "settlement.open_window": Method(windows.open_window, Access.ROLE),
    "settlement.owe": Method(windows.owe, Access.ROLE),
    "settlement.pay": Method(paying.pay, Access.ROLE),
    "settlement.pend": Method(holds.pend, Access.ROLE),
    "settlement.post": Method(holds.post, Access.ROLE),
    "settlement.publish_screening_list": Method(attestations.publish_screening_list, Access.ROLE),
    "settlement.redeem": Method(transfers.redeem, Access.ROLE),
    "settlement.set_corridor": Method(corridors.set_corridor, Access.ROLE),
    "settlement.set_reference_rate": Method(payments.set_reference_rate, Access.ROLE),
    "settlement.settle_window": Method(windows.settle_window, Access.ROLE),
    "settlement.transfer": Method(transfers.transfer, Access.ROLE),
    "settlement.unfreeze_account": Method(accounts.unfreeze_account, Access.ROLE),
    "settlement.void": Method(holds.void, Access.ROLE),
    "trade.cancel": Method(escrow.cancel, Access.ROLE),
    "trade.dispute": Method(escrow.dispute, Access.ROLE),
    "trade.open": Method(opening.open_escrow, Access.ROLE),
    "trade.poke": Method(escrow.poke, Access.ROLE),
    "trade.present": Method(escrow.present, Access.ROLE),
    "trade.resolve": Method(escrow.resolve, Access.ROLE),
    "trade.review": Method(paying.review, Access.ROLE),
}
