"""Money on the ledger: currencies with an issuer, accounts in double entry, transfers with idempotent ids.

==========  ======================================================
currencies  who issues what, and with how many minor digits
accounts    four totals an account, never a single balance
transfers   issue, redeem and transfer, one ladder of checks
==========  ======================================================
"""
