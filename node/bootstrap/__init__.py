"""How a node with no ledger, or one far behind, gets one without executing every block: a snapshot.

headers     the chain of headers, from genesis to the snapshot's block, with every certificate
state       the heads at that block, each checked against the block's state root as it arrives
bodies      transactions and receipts, checked against their headers
snapshots   the giving side: the state as it stood at one block, kept while it is fetched
wire        what the two sides say
fetch       the fetching side: whom to ask, into which directory, and the swap at the end

Nothing of a snapshot is believed for the sake of who gave it: the genesis that this node has decides the first
validators, they certify who follows them, and the last of them certify the block whose state root the heads must give.
"""
