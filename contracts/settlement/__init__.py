"""Money on the ledger: currencies with an issuer, accounts in double entry, transfers with idempotent ids.

============  ======================================================
currencies    who issues what, and with how many minor digits
accounts      four totals an account, never a single balance
posting       the one door through which totals change
transfer_ids  what makes trying again harmless
transfers     issue, redeem and transfer, one ladder of checks
rates         exchange and fees in integers
quotes        a provider's signed promise, used at most as promised
corridors     what both issuers allow, by payment and by time
attestations  a screener's signed word about a party
payments      every leg in one operation, in one or two currencies
holds         set aside, then post, give up or let expire
expiry        what is over ends at the start of a block
============  ======================================================
"""
