"""EPCIS 2.0 in JSON and JSON-LD, EPCIS 1.2 and 2.0 in XML, and its conversion to operations of the ledger and back.

``json_text``   reading and writing JSON exactly, JSON paths
``vocabulary``  the standard terms of the Core Business Vocabulary
``fields``      what one value may look like
``model``       the events as types
``document``    documents around events; ``parse_document`` and the one reason why one is refused
``xml_names``   namespaces of XML and prefixes of JSON
``xml_read``    EPCIS 1.2 and 2.0 in XML to the JSON of EPCIS 2.0
``xml_write``   the JSON of EPCIS 2.0 to EPCIS 2.0 in XML, or why XML cannot say it
``arguments``   the arguments of ``provenance.capture`` and the plain event that they describe
``event_hash``  the event hash of CBV 2.0, an alias
``residue``     the difference between two JSON values
``spelling``    identifiers of an event as Digital Links
``operations``  events to operations and back without loss; documents for answers to queries
"""
