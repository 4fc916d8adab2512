"""Ground floor: the bytes of the ledger and the rules about them that need no state of a running node.

Pure: no clock, no chance, no IO, no floats. Everything above imports from here, nothing is imported from above.

==================  ==========================================================================
errors              what can be wrong with something from outside
codec, shape        canonical msgpack, and typed fields out of decoded values
hashing, keys       tagged SHA-256, Ed25519 with the network's signature rule
merkle              RFC 6962 trees
validators          the voting set and its quorums
transaction         what an organisation signs
receipt, block      what a transaction did; headers and blocks
certificate         a quorum's signatures
evidence            two votes of one validator that contradict each other
parameters          the numbers of a chain
genesis             how a chain begins
authenticated_map   the tree of heads whose root is in every header
state               heads, histories and the overlay on which transactions run
proof               bundles that prove an answer offline
==================  ==========================================================================
"""
