"""ISO 20022: messages of banks in XML, read into records and written from them. See docs/iso20022.md.

``parsing`` makes bytes a message or refuses them, ``schema`` holds it against an XSD that the caller brings, ``usage``
looks at what no schema says, ``layout`` reads and writes records by a table, ``messages`` has the tables. Pure
conversion: no file, no network, no clock, and nothing of the ledger.
"""
