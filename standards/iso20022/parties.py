"""Who stands in a message, and what the ledger says of it: parties, accounts, banks, and our supplementary data."""

from dataclasses import dataclass
from typing import Final

from standards.iso20022.layout import Field, Form, Layout

_ACCOUNT_TEXT_MAX: Final = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who pays or is paid: personal data, all of it."""

    name: str | None = None
    street: str | None = None
    building: str | None = None
    post_code: str | None = None
    town: str | None = None
    region: str | None = None
    country: str | None = None
    address_lines: tuple[str, ...] = ()
    lei: str | None = None
    birth_date: str | None = None
    birth_region: str | None = None
    birth_town: str | None = None
    birth_country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account by its IBAN or another number; ``proxy`` stands for it where it is longer than a number may be."""

    iban: str | None = None
    other: str | None = None
    currency: str | None = None
    proxy: str | None = None

    @property
    def ledger_id(self) -> str | None:
        """The id that the account may have on the ledger; an IBAN is none, for it is a person's."""
        return self.proxy or self.other


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A bank or payment firm."""

    bic: str | None = None
    member: str | None = None
    lei: str | None = None
    name: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProof:
    """Where on the ledger it stands, and the proof bundle that shows it offline (docs/proofs.md), in base64.

    In base64, because a bundle is checked by its very text, and XML does not keep every text as it is.
    """

    chain_id: str
    height: int
    transactions: tuple[str, ...]
    originator: str | None = None
    beneficiary: str | None = None
    bundle: str | None = None


PARTY: Final = Layout(
    Party,
    (
        Field("name", "Nm"),
        Field("street", "PstlAdr/StrtNm"),
        Field("building", "PstlAdr/BldgNb"),
        Field("post_code", "PstlAdr/PstCd"),
        Field("town", "PstlAdr/TwnNm"),
        Field("region", "PstlAdr/CtrySubDvsn"),
        Field("country", "PstlAdr/Ctry"),
        Field("address_lines", "PstlAdr/AdrLine", Form.TEXTS),
        Field("lei", "Id/OrgId/LEI"),
        Field("birth_date", "Id/PrvtId/DtAndPlcOfBirth/BirthDt"),
        Field("birth_region", "Id/PrvtId/DtAndPlcOfBirth/PrvcOfBirth"),
        Field("birth_town", "Id/PrvtId/DtAndPlcOfBirth/CityOfBirth"),
        Field("birth_country", "Id/PrvtId/DtAndPlcOfBirth/CtryOfBirth"),
    ),
)
ACCOUNT: Final = Layout(
    Account,
    (
        Field("iban", "Id/IBAN"),
        Field("other", "Id/Othr/Id"),
        Field("currency", "Ccy"),
        Field("proxy", "Prxy/Id"),
    ),
)
AGENT: Final = Layout(
    Agent,
    (
        Field("bic", "FinInstnId/BICFI", also=("FinInstnId/BIC",)),
        Field("member", "FinInstnId/ClrSysMmbId/MmbId"),
        Field("lei", "FinInstnId/LEI"),
        Field("name", "FinInstnId/Nm"),
        Field("other", "FinInstnId/Othr/Id"),
    ),
)
LEDGER_PROOF: Final = Layout(
    LedgerProof,
    (
        Field("chain_id", "t:ChainId", is_required=True),
        Field("height", "t:Height", Form.COUNT, is_required=True),
        Field("transactions", "t:Transaction", Form.TEXTS),
        Field("originator", "t:Originator"),
        Field("beneficiary", "t:Beneficiary"),
        Field("bundle", "t:Bundle"),
    ),
)


def ledger_account(identifier: str, currency: str | None) -> Account:
    """Return an account of the ledger as a message names it."""
    if len(identifier) <= _ACCOUNT_TEXT_MAX:
        return Account(other=identifier, currency=currency)
    return Account(other=identifier[:_ACCOUNT_TEXT_MAX], currency=currency, proxy=identifier)
