"""The node without clock, disk and network: what a node decides, run by the asyncio shell and by the simulator alike.

engine        the replica's events and effects, one after the other
catching_up   which blocks to ask of whom
gathering     which transactions of a proposal to ask of whom
gate          decoding and authenticating what peers say
ports         what the engine needs of its surroundings
"""
