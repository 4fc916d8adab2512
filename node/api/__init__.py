"""The HTTP API of a node. Handlers are thin: they check the request, ask ``node.queries`` and its like, and answer.

============  ===================================================================
app           the application: routes, error handlers, middleware
backend       what the API asks of a node
problems      every problem that the API answers with (RFC 9457), in one table
protocol      connections: bounds on the head of a request
headers       headers that every answer gets
body          request bodies: size, encoding, strict JSON
parameters    query parameters, as strict as bodies
answers       reads off the loop, and the headers that say as of which height
transactions  ``/v1/transactions``
state         ``/v1/items``, products, organisations, accounts, payments, offers
blocks        ``/v1/blocks`` and what a node says of its chain and itself
epcis*        ``/epcis``: EPCIS 2.0 capture and events
health        ``/healthz``, ``/readyz``, ``/metrics``
============  ===================================================================
"""
