"""EPCIS 2.0 in JSON and JSON-LD, and its conversion to operations of the ledger and back.

``json_text``   reading and writing JSON exactly, JSON paths
``vocabulary``  the standard terms of the Core Business Vocabulary
``fields``      what one value may look like
``model``       the events as types
``document``    documents around events; ``parse_document`` and the one reason why one is refused
``arguments``   the arguments of ``provenance.capture`` and the plain event that they describe
``residue``     the difference between two JSON values
``spelling``    identifiers of an event as Digital Links
``operations``  events to operations and back without loss; documents for answers to queries
"""
