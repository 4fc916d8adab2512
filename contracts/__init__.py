"""What a transaction may do. Pure and deterministic: the same block on the same heads has the same outcome everywhere.

===========  ==========================================================================================
results      every outcome, numbered for ever
context      what a handler may know
arguments    the shape gate: typed arguments or BAD_ARGUMENTS
identifiers  check digits, and what a canonical identifier says
decimals     exact sums of decimal strings
heads        the kinds of heads and their keys
permissions  roles, and who may call what when a chain starts
authority    the ladder of checks on a sender
methods      every method: handler and who may call it
execute      a block's transactions on an overlay, each all-or-nothing
membership   organisations and keys
governance   what the validators' organisations decide together
provenance   products, EPCIS events, custody and ownership
settlement   currencies, accounts, transfers
===========  ==========================================================================================

docs/contracts.md has the methods, their arguments and the table of outcomes. Handlers are called by ``execute`` only.
"""
