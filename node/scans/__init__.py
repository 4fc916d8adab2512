"""Scans of codes: which of them a node was told of, and what they give away of copies.

log        the scans themselves, off the ledger, in a store of their own
alerts     what is odd about the scans of a thing, as risks with reasons
anchoring  the counts of each hour, on their way to the ledger
"""
