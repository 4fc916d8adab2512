"""Standards at the edge: pure conversion between published formats and what the ledger holds. No IO, no clock.

``errors``                   what a caller can do wrong
``gs1``                      check digits, GTIN, GLN, SSCC
``financial_identifiers``    IBAN, BIC and LEI with their check digits
``screening``                whether a name may be one on a list
``countries``                the codes and names of countries
``application_identifiers``  the GS1 application identifiers and the form of their values
``epc_urn``                  EPC URNs as application identifiers
``digital_link``             GS1 Digital Link URIs; ``canonical_id``, the one spelling of an identifier
``epcis``                    EPCIS 2.0 documents to operations and back
"""
