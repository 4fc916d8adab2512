"""What `tradelane bench` measures: each bench makes its own ledger in a temporary directory and touches nothing else.

========  ============================================================================
machine   how fast this machine hashes and checks signatures, beside every figure
ledger    a ledger with real contracts and certificates, and as many heads as wanted
tree      the state tree on a real store: what a changed head costs
bundles   proof bundles: their size, and how long checking one takes
serving   bundles from the node's HTTP application, in this process and over loopback
browser   checking a bundle with the page's own verifier, in Chromium
proofs    all of that as `tradelane bench proofs`
========  ============================================================================

Times are processor time and the best of several, for other work on the machine only ever adds to them.
"""
