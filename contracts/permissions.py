"""Who may call what: the roles, and the table that a chain starts with. Governance changes the table, not the code."""

from typing import Final

ANY_ROLE: Final = "*"

ROLES: Final = frozenset(
    {
        "auditor",
        "brand",
        "carrier",
        "certifier",
        "customs",
        "device_operator",
        "issuer",
        "maker",
        "packer",
        "payment",
        "retailer",
        "screener",
        "warehouse",
    }
)

_HANDLERS: Final = ("brand", "carrier", "customs", "device_operator", "maker", "packer", "retailer", "warehouse")
_HOLDERS: Final = ("brand", "carrier", "customs", "maker", "packer", "retailer", "warehouse")

_ISSUERS_OF_PAPERS: Final = ("auditor", "certifier", "customs")
_RECALLERS: Final = ("brand", "customs", "maker")

DEFAULT_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "cold_chain.acknowledge": _HANDLERS,
    "cold_chain.assign": _HANDLERS,
    "cold_chain.calibrate": _HANDLERS,
    "cold_chain.define_profile": _HANDLERS,
    "cold_chain.record_batch": _HANDLERS,
    "cold_chain.register_device": _HANDLERS,
    "cold_chain.release": _HANDLERS,
    "cold_chain.revoke_device": _HANDLERS,
    "custody.accept": _HOLDERS,
    "custody.cancel": _HOLDERS,
    "custody.offer": _HOLDERS,
    "custody.reject": _HOLDERS,
    "identity.anchor_scans": (ANY_ROLE,),
    "identity.bind_tag": ("brand", "maker"),
    "identity.commit_codes": ("brand", "maker"),
    "identity.publish_links": ("brand", "maker"),
    "identity.reveal_code": (ANY_ROLE,),
    "provenance.anchor_document": _HANDLERS,
    "provenance.capture": (*_HANDLERS, "certifier"),
    "provenance.capture_part": (*_HANDLERS, "certifier"),
    "provenance.close_recall": _RECALLERS,
    "provenance.decide_customs": ("customs",),
    "provenance.declare_customs": _HOLDERS,
    "provenance.issue_document": _ISSUERS_OF_PAPERS,
    "provenance.open_recall": _RECALLERS,
    "provenance.record_emissions": _HOLDERS,
    "provenance.register_product": ("brand", "maker"),
    "provenance.revoke_document": (ANY_ROLE,),
    "provenance.update_product": ("brand", "maker"),
    "provenance.update_recall": _RECALLERS,
    "provenance.withdraw_emissions": _HOLDERS,
    "settlement.cancel_quotes": ("issuer", "payment"),
    "settlement.carry_obligation": (ANY_ROLE,),
    "settlement.close_account": (ANY_ROLE,),
    "settlement.define_currency": ("issuer",),
    "settlement.freeze_account": ("issuer",),
    "settlement.issue": ("issuer",),
    "settlement.open_account": (ANY_ROLE,),
    "settlement.open_window": ("issuer",),
    "settlement.owe": (ANY_ROLE,),
    "settlement.pay": (ANY_ROLE,),
    "settlement.pend": (ANY_ROLE,),
    "settlement.post": (ANY_ROLE,),
    "settlement.publish_screening_list": ("screener",),
    "settlement.redeem": (ANY_ROLE,),
    "settlement.set_corridor": ("issuer",),
    "settlement.set_reference_rate": ("issuer", "payment"),
    "settlement.settle_window": (ANY_ROLE,),
    "settlement.transfer": (ANY_ROLE,),
    "settlement.unfreeze_account": ("issuer",),
    "settlement.void": (ANY_ROLE,),
    "trade.cancel": (ANY_ROLE,),
    "trade.dispute": (ANY_ROLE,),
    "trade.open": (ANY_ROLE,),
    "trade.poke": (ANY_ROLE,),
    "trade.present": (ANY_ROLE,),
    "trade.resolve": (ANY_ROLE,),
    "trade.review": ("issuer",),
}
"""The roles that may call a method; a method that is not here does not go by roles (contracts/methods.py)."""
