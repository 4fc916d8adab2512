"""What people see when they scan a code: one page for a thing, rendered here, that needs no script and no other server.

===========  ==========================================================================
pages        routes and content negotiation: page, JSON, linkset, label
accept       which representation a client wants
consumer     the facts that a page shows, put together, and the outcome at its top
journey      what happened to a thing, as a shopper reads it
product      what it is: product, what its maker says of it, where it came from
temperature  readings against the range on the label, and the strip chart
checks       what this node checked, down to the signatures of the validators
places       firms and sites by name
operator     balances, holds and payments under way, for an operator
words        terms of the standards in plain words; dates, temperatures
label        QR labels
linkset      links of a thing for machines (RFC 9264)
rendering    facts to HTML, with the headers that keep the page to itself
scripts      the scripts that a browser runs
static/      these scripts: the verifier of proofs (docs/proofs.md), one module without dependencies
templates/   HTML and the one style sheet, which is put into each page
===========  ==========================================================================
"""
