"""What can become of a transaction: one numbered, append-only code for each outcome.

Rules: a number is never given to another meaning and never removed; a code has one meaning; a handler answers with
the *first* check that fails, in the order that docs/contracts.md gives. The code is in the receipt and so under the
receipts root; the detail text is for people and is not on the ledger.
"""

from enum import IntEnum
from typing import Final

from ledger.state import Head

_FINAL: Final = False
_TRANSIENT: Final = True


class ResultCode(IntEnum):
    """Outcome of a transaction; ``is_transient`` says whether the same operations can succeed at another time.

    A transfer then needs a new id, because one that the state refused fails for good (settlement/transfer_ids.py).
    """

    is_transient: bool
    meaning: str

    # The defaults are for type checkers, which take ``ResultCode(7)`` for a call of this.
    def __new__(cls, number: int, is_transient: bool = False, meaning: str = "") -> "ResultCode":  # noqa: FBT001, FBT002 (columns)
        """Make a member out of a row of the table."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.is_transient = is_transient
        member.meaning = meaning
        return member

    OK = 0, _FINAL, "The transaction was carried out."

    # 1-99: every method
    BAD_ARGUMENTS = 1, _FINAL, "An argument is missing, unknown, of the wrong type or out of its range."
    UNKNOWN_METHOD = 2, _FINAL, "No contract has a method of this name."
    UNKNOWN_KEY = 3, _TRANSIENT, "The signing key is not registered."
    KEY_NOT_YET_VALID = 4, _TRANSIENT, "The signing key's validity has not begun at the block's time."
    KEY_EXPIRED = 5, _FINAL, "The signing key's validity has ended at the block's time."
    KEY_REVOKED = 6, _FINAL, "The signing key has been revoked."
    ORGANISATION_SUSPENDED = 7, _TRANSIENT, "The organisation of the signing key, or one that is named, is suspended."
    AUTHORITY_REQUIRED = 8, _FINAL, "Only the founders at genesis or an approved proposal may do this."
    ADMIN_KEY_REQUIRED = 9, _FINAL, "Only an admin key of the organisation may call the method."
    METHOD_NOT_DELEGATED = 10, _FINAL, "The signing key is limited to other methods."
    ROLE_REQUIRED = 11, _TRANSIENT, "The organisation has none of the roles that may call the method."
    TOO_MANY_OPERATIONS = 12, _FINAL, "The transaction has more operations than the chain's parameters allow."
    WORK_LIMIT_EXCEEDED = 13, _FINAL, "The transaction would read and write more heads than one transaction may."
    CHECK_DIGIT_WRONG = 14, _FINAL, "The check digit of a GTIN, GLN or LEI does not fit its other characters."

    # 100-199: membership
    ORGANISATION_EXISTS = 100, _FINAL, "An organisation with this id is registered already."
    UNKNOWN_ORGANISATION = 101, _TRANSIENT, "No organisation with this id is registered."
    UNKNOWN_ROLE = 102, _FINAL, "A role is none of those that the contracts know."
    KEY_EXISTS = (
        103,
        _FINAL,
        "The key is registered already; a key is never registered twice, not even after revocation.",
    )
    KEY_UNACCEPTABLE = 104, _FINAL, "The bytes are not an Ed25519 public key that the network's signature rule accepts."
    POSSESSION_UNPROVEN = (
        105,
        _FINAL,
        "The signature by which a new key proves that it is held is missing or wrong.",
    )
    KEY_NOT_FOUND = 106, _TRANSIENT, "The key that the operation names is not registered."
    KEY_OF_ANOTHER = 107, _FINAL, "The key that the operation names belongs to another organisation."
    KEY_ALREADY_REVOKED = 108, _FINAL, "The key that the operation names has been revoked already."
    LAST_ADMIN_KEY = 109, _TRANSIENT, "It would leave the organisation without a lasting, unlimited admin key."
    TOO_MANY_KEYS = 110, _FINAL, "The organisation has registered as many keys as one may."
    ALREADY_SUSPENDED = 111, _TRANSIENT, "The organisation is suspended already."
    NOT_SUSPENDED = 112, _TRANSIENT, "The organisation is not suspended."

    # 200-299: provenance and custody
    PRODUCT_EXISTS = 200, _FINAL, "A product with this GTIN is registered already."
    UNKNOWN_PRODUCT = 201, _TRANSIENT, "No product with this GTIN is registered."
    NOT_PRODUCT_OWNER = 202, _FINAL, "The product was registered by another organisation."
    EVENT_ALREADY_CAPTURED = 203, _FINAL, "The same event or the same declaration was captured before."
    EVENT_ID_CONFLICT = 204, _FINAL, "Another event or declaration was captured under this event id."
    TOO_MANY_IDENTIFIERS = 205, _FINAL, "The event names more identifiers than one event may."
    NOT_COMMISSIONED = 210, _TRANSIENT, "The item or lot has not been commissioned."
    ALREADY_COMMISSIONED = 211, _FINAL, "The item has been commissioned before."
    ALREADY_PACKED = 212, _TRANSIENT, "The item is packed already."
    NOT_PACKED = 213, _TRANSIENT, "The item is not packed."
    WRONG_PARENT = 214, _TRANSIENT, "The item is packed in another parent."
    NOT_CUSTODIAN = 215, _TRANSIENT, "The organisation is neither custodian nor owner of the item or lot."
    DECOMMISSIONED = 216, _FINAL, "The item has been decommissioned."
    CONSUMED = 217, _FINAL, "The item went into a transformation."
    EVENT_BEFORE_COMMISSIONING = 218, _FINAL, "An event of the item happened before its commissioning."
    EVENT_IN_FUTURE = 219, _TRANSIENT, "The event's time lies after the block's by more than the allowed clock drift."
    CYCLE = 220, _TRANSIENT, "The item would be packed into itself or into its own contents."
    TOO_DEEP = 221, _TRANSIENT, "Packing would be nested deeper than it may."
    TOO_MANY_CONTENTS = 222, _TRANSIENT, "The parent would hold more things directly than one may."
    PARENT_MISSING = 223, _FINAL, "An aggregation or association that adds or deletes names no parent."
    ALREADY_ASSOCIATED = 224, _TRANSIENT, "The thing is associated with this parent already."
    NOT_ASSOCIATED = 225, _TRANSIENT, "The thing is not associated with this parent."
    QUANTITY_EXCEEDED = 226, _TRANSIENT, "More of a lot would leave than there is."
    UNKNOWN_EVENT = 227, _TRANSIENT, "An error declaration names an event that was not captured."
    NOT_EVENT_CAPTURER = 228, _FINAL, "An error declaration comes from another organisation than the event."
    DECLARATION_DIFFERS = 229, _FINAL, "An error declaration repeats its event with other content."
    TOO_MANY_UNITS = 230, _FINAL, "A lot would be counted in more units than one may."
    OFFER_EXISTS = 240, _FINAL, "An offer with this id was made before."
    UNKNOWN_OFFER = 241, _TRANSIENT, "No offer with this id was made."
    OFFER_CLOSED = 242, _FINAL, "The offer was accepted, rejected or cancelled before."
    OFFER_EXPIRED = 243, _FINAL, "The offer has expired at the block's time."
    NOT_RECIPIENT = 244, _FINAL, "The offer was made to another organisation."
    NOT_OFFERER = 245, _FINAL, "The offer was made by another organisation."
    SAME_PARTY = 246, _FINAL, "The offer would be made to the organisation that makes it."
    EXPIRY_PASSED = 247, _FINAL, "The expiry that is asked for is not after the block's time."
    UNKNOWN_ITEM = 248, _TRANSIENT, "The ledger has no item or lot with this identifier."
    NOT_OWNER = 249, _TRANSIENT, "The organisation does not own the item or lot."
    OFFERER_NO_LONGER_HOLDS = 250, _FINAL, "The offerer has lost custody or ownership since the offer."
    DISCREPANCY_ELSEWHERE = 251, _FINAL, "A shortage or damage names a thing that is not in the offer."
    CONSIGNMENT_TOO_LARGE = 252, _TRANSIENT, "More things would change hands than one acceptance may move."
    TOO_MANY_OFFERS = 253, _TRANSIENT, "As many offers of the organisation are open as may be."
    PART_EXISTS = 260, _FINAL, "This part of the document was captured before."
    PART_TOO_EARLY = 261, _TRANSIENT, "A part of the document before this one is not captured yet."
    DOCUMENT_DIFFERS = 262, _FINAL, "The document was begun with another number of events or parts."

    RECALL_EXISTS = 270, _FINAL, "A recall with this id was opened before."
    UNKNOWN_RECALL = 271, _TRANSIENT, "No recall with this id was opened."
    RECALL_CLOSED = 272, _FINAL, "The recall was closed before."
    NOT_RECALLER = 273, _FINAL, "The recall was opened by another organisation."
    TOO_MANY_RECALLS = 274, _TRANSIENT, "As many recalls of one thing stand as may."
    DESTROYED = 276, _FINAL, "The item has been destroyed."
    ALREADY_SOLD = 277, _FINAL, "The item has been sold or dispensed before."
    UNDO_TOO_LATE = 278, _FINAL, "What happened to the item can be taken back for ten days."
    UNDO_BY_ANOTHER = 279, _FINAL, "Who did it alone can take back what happened to the item."
    UNDO_ELSEWHERE = 280, _FINAL, "What happened to the item is taken back where it was done."
    EVENT_TOO_OLD = 281, _FINAL, "So many newer events of the thing are known that this one has no say any more."
    EFFECT_NOT_UNDONE = 282, _FINAL, "What the event in error did to the thing stays as it is."

    # 300-399: settlement
    CURRENCY_EXISTS = 300, _FINAL, "The currency is defined already."
    UNKNOWN_CURRENCY = 301, _TRANSIENT, "The currency is not defined."
    ACCOUNT_EXISTS = 302, _FINAL, "An account with this id is open already."
    RESERVED_ACCOUNT_ID = 303, _FINAL, "Account ids that begin with issuer/ belong to the currencies."
    NOT_ISSUER = 304, _FINAL, "Only the issuer of the currency may do this."
    TRANSFER_ID_RESERVED = 305, _FINAL, "A transfer id of all zero bits or all one bits is reserved."
    EXISTS_WITH_DIFFERENT_KIND = 306, _FINAL, "The transfer id was used for another kind of transfer."
    EXISTS_WITH_DIFFERENT_DEBIT = 307, _FINAL, "The transfer id was used with another debit account."
    EXISTS_WITH_DIFFERENT_CREDIT = 308, _FINAL, "The transfer id was used with another credit account."
    EXISTS_WITH_DIFFERENT_AMOUNT = 309, _FINAL, "The transfer id was used with another amount."
    EXISTS_WITH_DIFFERENT_CURRENCY = 310, _FINAL, "The transfer id was used with another currency."
    EXISTS_WITH_DIFFERENT_REFERENCE = 311, _FINAL, "The transfer id was used with another reference."
    EXISTS_WITH_DIFFERENT_UETR = 312, _FINAL, "The transfer id was used with another UETR."
    ACCOUNTS_MUST_DIFFER = 313, _FINAL, "Debit and credit account are the same."
    UETR_EXISTS = 314, _FINAL, "The UETR was used by another transfer."
    UNKNOWN_DEBIT_ACCOUNT = 315, _TRANSIENT, "The debit account is not open."
    UNKNOWN_CREDIT_ACCOUNT = 316, _TRANSIENT, "The credit account is not open."
    NOT_ACCOUNT_OWNER = 317, _FINAL, "The account belongs to another organisation."
    ACCOUNT_CURRENCIES_DIFFER = 318, _FINAL, "The accounts are in different currencies."
    TRANSFER_CURRENCY_DIFFERS = 319, _FINAL, "The transfer names another currency than its accounts have."
    ISSUER_ACCOUNT = 320, _FINAL, "A transfer cannot touch a currency's issuer account; issue and redeem do."
    BALANCE_OVERFLOW = 321, _TRANSIENT, "A total of an account would not fit into 63 bits."
    INSUFFICIENT_FUNDS = 322, _TRANSIENT, "The guarded debit account holds less than the amount."
    DEBIT_ACCOUNT_CLOSED = 323, _FINAL, "The debit account has been closed."
    CREDIT_ACCOUNT_CLOSED = 324, _FINAL, "The credit account has been closed."
    DEBIT_ACCOUNT_FROZEN = 325, _TRANSIENT, "The debit account is frozen by the issuer of its currency."
    CREDIT_ACCOUNT_FROZEN = 326, _TRANSIENT, "The credit account is frozen by the issuer of its currency."
    TRANSFER_ID_FAILED = 327, _FINAL, "A transfer with this id failed before; a new try needs a new id."
    EXISTS_WITH_DIFFERENT_PENDING_ID = 328, _FINAL, "The transfer id was used to resolve another hold."
    EXISTS_WITH_DIFFERENT_TIMEOUT = 329, _FINAL, "The transfer id was used for a hold with another timeout."
    UNKNOWN_HOLD = 330, _TRANSIENT, "No transfer with the id that should be resolved was made."
    NOT_A_HOLD = 331, _FINAL, "The transfer that should be resolved is not a pending one."
    NOT_CREDIT_OWNER = 332, _FINAL, "Only the owner of the credit account may give up what is held for it."
    EXCEEDS_HELD_AMOUNT = 333, _FINAL, "More would be posted than is held."
    HOLD_POSTED = 334, _FINAL, "The hold was posted before."
    HOLD_VOIDED = 335, _FINAL, "The hold was voided before."
    HOLD_EXPIRED = 336, _FINAL, "The hold has expired at the block's time."
    TOO_MANY_HOLDS = 337, _TRANSIENT, "As many holds of the debit account are open as may be."
    UNKNOWN_ACCOUNT = 338, _TRANSIENT, "No account with this id is open."
    ACCOUNT_NOT_EMPTY = 339, _TRANSIENT, "An account that is closed holds nothing."
    ACCOUNT_CLOSED = 340, _FINAL, "The account has been closed."
    ACCOUNT_FROZEN_ALREADY = 341, _TRANSIENT, "The account is frozen already."
    ACCOUNT_NOT_FROZEN = 342, _TRANSIENT, "The account is not frozen."
    AMOUNT_TOO_SMALL = 350, _FINAL, "An amount or what a fee leaves of it would come to nothing."
    UNKNOWN_PROVIDER = 351, _TRANSIENT, "The key of the quote gives no quotes for its provider at the block's time."
    QUOTE_SIGNATURE_WRONG = 352, _FINAL, "The signature is not that of the quote's terms for this chain."
    QUOTE_NOT_YET_VALID = 353, _TRANSIENT, "The quote does not hold yet at the block's time."
    QUOTE_EXPIRED = 354, _FINAL, "The quote has expired at the block's time."
    QUOTE_HEIGHT_PASSED = 355, _FINAL, "The quote held until an earlier block."
    QUOTE_CANCELLED = 356, _FINAL, "The provider has cancelled the quote."
    QUOTE_FOR_ANOTHER = 357, _FINAL, "The quote was given to another organisation."
    QUOTE_PAIR_DIFFERS = 358, _FINAL, "The quote is for other currencies than those of the accounts."
    QUOTE_SIDE_DIFFERS = 359, _FINAL, "The quote fixes the other side of the exchange."
    QUOTE_ACCOUNT_WRONG = 360, _FINAL, "An account of the quote is not the provider's, or in another currency."
    QUOTE_AMOUNT_OUT_OF_RANGE = 361, _FINAL, "The amount is not in the range that the quote is for."
    QUOTE_EXHAUSTED = 362, _FINAL, "Less is left of the quote than the amount."
    QUOTE_NEEDED = 363, _FINAL, "The accounts are in two currencies, and no quote is given."
    QUOTE_NOT_NEEDED = 364, _FINAL, "The accounts are in one currency, and a quote is given."
    NONCE_FLOOR_NOT_RAISED = 365, _FINAL, "The nonces below which quotes are cancelled only rise."
    REFERENCE_RATE_OLDER = 366, _FINAL, "A reference rate as of this time or a later one is known."
    UNKNOWN_PAYMENT = 367, _TRANSIENT, "No payment with this reference was made."
    PAYMENT_NOT_SETTLED = 368, _TRANSIENT, "The payment that would be given back is not settled."
    REFUND_ELSEWHERE = 369, _FINAL, "A refund goes from the payee of a payment back to its payer."
    REFUND_TOO_LARGE = 370, _TRANSIENT, "More would be given back than was paid."
    TRANSFER_NEEDS_REVIEW = 371, _TRANSIENT, "An issuer would have to review the transfer; make it as a payment."
    WINDOW_EXISTS = 380, _FINAL, "A window with this id was opened for the currency before."
    UNKNOWN_WINDOW = 381, _TRANSIENT, "No window with this id was opened for the currency."
    WINDOW_CLOSED = 382, _FINAL, "The window takes no more obligations at the block's time."
    WINDOW_FULL = 383, _FINAL, "The window has as many obligations as one may."
    WINDOW_TIME_UNACCEPTABLE = 384, _FINAL, "A window closes after the block's time, and not too long after it."
    WINDOW_STILL_OPEN = 385, _TRANSIENT, "The window still takes obligations at the block's time."
    WINDOW_SETTLED = 386, _FINAL, "The window was settled before."
    OBLIGATION_EXISTS = 387, _FINAL, "The obligation's id was used on other terms."
    UNKNOWN_OBLIGATION = 388, _TRANSIENT, "No obligation with this id was made."
    OBLIGATION_NOT_DEFERRED = (
        389,
        _TRANSIENT,
        "Only an obligation that was deferred can be carried into another window.",
    )
    OBLIGATION_NEEDS_REVIEW = (
        390,
        _TRANSIENT,
        "An issuer would have to review the obligation, which cannot be netted then.",
    )

    # 400-499: governance
    NOT_A_VALIDATOR = 400, _TRANSIENT, "The organisation runs no validator."
    PROPOSAL_EXISTS = 401, _FINAL, "A proposal with this id was made before."
    UNKNOWN_PROPOSAL = 402, _TRANSIENT, "No proposal with this id was made."
    PROPOSAL_CLOSED = 403, _FINAL, "The proposal was carried out or withdrawn before."
    PROPOSAL_EXPIRED = 404, _FINAL, "The proposal has expired at the block's time."
    ALREADY_APPROVED = 405, _FINAL, "The organisation has approved the proposal before."
    NOT_PROPOSER = 406, _FINAL, "The proposal was made by another organisation."
    ACTION_NOT_GOVERNED = 407, _FINAL, "A proposal cannot carry out this method."
    PARAMETERS_UNACCEPTABLE = 408, _FINAL, "A parameter is unknown, out of range or at odds with another."
    PERMISSION_UNKNOWN = 409, _FINAL, "The method is not one that permissions by role apply to."
    VALIDATOR_CHANGE_PENDING = 410, _TRANSIENT, "An earlier change of the validators is not in effect yet."
    VALIDATOR_CHANGE_TOO_LARGE = 411, _FINAL, "More validators would join or leave than one change may move."
    VALIDATOR_EXISTS = 412, _TRANSIENT, "The key that would join is a validator already."
    UNKNOWN_VALIDATOR = 413, _TRANSIENT, "The key that would leave is no validator."
    VALIDATOR_COUNT_UNACCEPTABLE = (
        414,
        _TRANSIENT,
        "It would leave no validators, or more than a network may have.",
    )
    EVIDENCE_EXISTS = 420, _FINAL, "The validator's double vote at this height, view and kind is on the ledger already."
    EVIDENCE_REFUSED = 421, _FINAL, "The evidence does not prove that a validator voted twice."

    # 500-549: cold chain
    DEVICE_EXISTS = 500, _FINAL, "A device with this id, or with this key, is registered already."
    UNKNOWN_DEVICE = 501, _TRANSIENT, "No device with this id is registered."
    NOT_DEVICE_OWNER = 502, _FINAL, "The device belongs to another organisation."
    DEVICE_REVOKED = 503, _FINAL, "The device has been revoked."
    NOT_DEVICE_KEY = 504, _FINAL, "Readings of a device are signed by the key of that device alone."
    CALIBRATION_EXPIRED = 505, _TRANSIENT, "A reading was taken at a time for which the device has no calibration."
    PROFILE_EXISTS = 506, _FINAL, "A cold chain profile with this id is defined already."
    UNKNOWN_PROFILE = 507, _TRANSIENT, "No cold chain profile with this id is defined."
    ASSIGNMENT_OVERLAPS = 508, _TRANSIENT, "Another device watches the thing in the interval that is asked for."
    UNKNOWN_ASSIGNMENT = 509, _TRANSIENT, "The device does not watch the thing from this time on."
    READINGS_PASSED = 510, _FINAL, "The device has recorded a reading at the time that is asked for, or a later one."
    TOO_MANY_ASSIGNMENTS = (
        511,
        _TRANSIENT,
        "A device would watch more things, or a thing have more devices, than one may.",
    )
    SEQUENCE_REPEATED = 512, _FINAL, "A reading with this sequence number, or a higher one, was recorded before."
    READING_NOT_AFTER = 513, _FINAL, "A reading's time is not after that of the one before."
    READING_IN_FUTURE = 514, _TRANSIENT, "A reading's time lies after the block's by more than the allowed clock drift."
    UNKNOWN_BREACH = 515, _TRANSIENT, "The thing has no breach with this number."
    BREACH_ACKNOWLEDGED = 516, _FINAL, "The breach was acknowledged before."

    # 600-649: trade
    CONDITION_TOO_LARGE = 600, _FINAL, "A condition has more nodes, levels, attestations or bytes than one may."
    CONDITION_DECIDED = 601, _FINAL, "The condition is met at once, or could never be met before the deadline."
    SHARES_DIFFER = 602, _FINAL, "The shares of the milestones do not add up to the amount."
    DEADLINE_UNACCEPTABLE = 603, _FINAL, "A deadline is not after the block's time, too far off, or out of order."
    TOO_MANY_WAITING = 604, _TRANSIENT, "As many payments wait for the thing as may."
    NOT_IN_ESCROW = 605, _FINAL, "The payment was never held for a condition."
    PAYMENT_ENDED = 606, _FINAL, "The payment has ended: all of it was released or went back."
    PAYMENT_DISPUTED = 607, _TRANSIENT, "The payment is disputed, which stops everything but its resolution."
    PAYMENT_NOT_DISPUTED = 608, _TRANSIENT, "The payment is not disputed."
    DEADLINE_PASSED = 609, _FINAL, "The deadline for this has passed; what is due can be carried out by trade.poke."
    NOT_A_PARTY = 610, _FINAL, "The organisation is neither payer nor payee, nor the arbiter where one is asked for."
    EVIDENCE_FITS_NOTHING = 611, _TRANSIENT, "No open part of the condition asks for this from this organisation."
    EVIDENCE_SIGNATURE_WRONG = 612, _FINAL, "A signature that is presented is not one of the payment's terms."
    NOTHING_DUE = 613, _TRANSIENT, "Nothing of the payment is due at the block's time."
    SPLIT_TOO_LARGE = 614, _FINAL, "The split gives the payee more than is still held."

    # 660-699: compliance
    CORRIDOR_VERSION_WRONG = 660, _FINAL, "The version of the rules is not the one after that which is known."
    PAYMENT_OVER_LIMIT = 661, _FINAL, "The payment is larger than its corridor allows."
    DAY_LIMIT_EXCEEDED = 662, _TRANSIENT, "The organisation would pay more in 24 hours than the corridor allows."
    THIRTY_DAYS_LIMIT_EXCEEDED = 663, _TRANSIENT, "The organisation would pay more in 30 days than the corridor allows."
    PARTY_DATA_MISSING = 664, _FINAL, "The corridor asks for commitments to the data of both parties."
    ATTESTATION_MISSING = 665, _FINAL, "The corridor asks for an attestation that is not there."
    ATTESTATION_ELSEWHERE = 666, _FINAL, "An attestation is about somebody who is no party of the payment."
    UNKNOWN_SCREENER = 667, _TRANSIENT, "The key of the attestation attests nothing for its screener now."
    ATTESTATION_SIGNATURE_WRONG = 668, _FINAL, "The signature is not that of the attestation for this chain."
    ATTESTATION_EXPIRED = 669, _FINAL, "The attestation has expired at the block's time."
    UNKNOWN_SCREENING_LIST = 670, _TRANSIENT, "No list with this id was published."
    ATTESTATION_LIST_OLD = 671, _FINAL, "The attestation was made by another version of the list than is in force."
    ATTESTATION_NOT_CLEAR = 672, _FINAL, "The party may be on the list; a person has to look into it first."
    NOT_LIST_PUBLISHER = 673, _FINAL, "The list is published by another organisation."
    SCREENING_LIST_OLDER = 674, _FINAL, "A version of the list as of this time or a later one is known."
    PAYMENT_IN_REVIEW = 675, _TRANSIENT, "Nothing of the payment is released before its reviewers agree."
    NOT_REVIEWER = 676, _FINAL, "The payment does not wait for a review by this organisation."

    # 700-729: papers (documents, customs, emissions)
    DOCUMENT_KNOWN = 700, _FINAL, "The organisation has said something of this document before."
    UNKNOWN_DOCUMENT = 701, _TRANSIENT, "The organisation has said nothing of this document."
    DOCUMENT_REVOKED = 702, _FINAL, "What the organisation said of the document was revoked before."
    NOT_SUBJECT_HOLDER = 703, _TRANSIENT, "The organisation neither owns nor holds what the paper is about."
    SELF_CERTIFIED = 704, _FINAL, "Nobody certifies its own firm, its own product, or what it owns or holds."
    TOO_MANY_PAPERS = 705, _TRANSIENT, "As many papers are about the subject, or speak of the document, as may."
    DECLARATION_EXISTS = 710, _FINAL, "A customs declaration with this id was made before."
    UNKNOWN_DECLARATION = 711, _TRANSIENT, "No customs declaration with this id was made."
    DECLARATION_DECIDED = 712, _FINAL, "The customs declaration was released or refused before."
    SELF_CLEARED = 713, _FINAL, "Nobody decides on its own customs declaration."
    EMISSIONS_EXIST = 720, _FINAL, "Emissions with this id were recorded before."
    UNKNOWN_EMISSIONS = 721, _TRANSIENT, "No emissions with this id were recorded."
    EMISSIONS_WITHDRAWN = 722, _FINAL, "The record of the emissions was withdrawn before."
    NOT_EMISSIONS_RECORDER = 723, _FINAL, "The emissions were recorded by another organisation."

    # 730-749: identity
    INNER_CODE_EXISTS = 730, _FINAL, "The piece has an inner code, and a piece has one for good."
    UNKNOWN_INNER_CODE = 731, _TRANSIENT, "Nobody committed to an inner code of the piece."
    INNER_CODE_WRONG = 732, _FINAL, "It is not the code inside this piece."
    INNER_CODE_REVEALED = 733, _FINAL, "The inner code was revealed before, and can be only once."
    TAG_EXISTS = 734, _FINAL, "The tag is on a piece, and stays there for good."
    HOUR_NOT_OVER = 735, _TRANSIENT, "The scans of an hour are anchored once the hour is over."
    SCANS_ANCHORED = 736, _FINAL, "The organisation anchored the scans of this hour before."


class Rejected(Exception):  # noqa: N818 (an answer, not an error of ours)
    """A handler's answer that the operation cannot be carried out; caught in ``execute`` and nowhere else."""

    def __init__(self, code: ResultCode, detail: str, leaves: tuple[bytes, Head] | None = None) -> None:
        """Take the reason; ``leaves`` is a head that stays, with its key, although all else is undone."""
        super().__init__(f"{code.name}: {detail}")
        assert code is not ResultCode.OK, "a rejection needs a reason"
        self.code = code
        self.detail = detail
        self.leaves = leaves
