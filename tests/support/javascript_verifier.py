"""The JavaScript verifier in a browser, asked the same things as the Python one: by its words, not by its state."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from ledger.proof import ProofError, trust_from_json, verify_bundle
from node.web.scripts import build_script_routes
from tests.golden.generate_proofs import facts_of
from tests.support.browser import Browser

Question: TypeAlias = tuple[str, str, int, int]
"""A bundle's text, a trust file's text, and the least time (ms UTC) and height."""

_BATCH: Final = 200
# Facts in the shape of tests/golden/proofs/index.json; a refusal is its code, anything else thrown is told in full.
_ASK: Final = """
(async (questions) => {
  const { verifyBundle, ProofError } = await import('/verify.js');
  const { checkTrace } = await import('/trace.js');
  const recordsOf = (head) => head.history?.records ?? [];
  const told = ({ kind, header, certificate, validators, transactions, inclusion, ...facts }) => ({
    kind, height: header.height, time_ms: header.time_ms,
    header: [header.height, header.time_ms, header.hash, certificate.signers.length, validators.members.length],
    transaction: inclusion && [header.height, inclusion.index, transactions[0].id, inclusion.receipt.code],
    origin: kind === 'origin' && transactions.length ? transactions[0].id : null,
    heads: facts.heads.map((head) => ({
      key: head.key, is_present: head.value !== null, count: head.value?.count ?? 0,
      is_complete: recordsOf(head).length === head.value?.count,
      records: recordsOf(head).map((one) => [one.height, one.index, one.operation, one.time_ms, one.id, one.method]),
    })),
    stays: facts.stays,
    trust: {
      height: facts.trust.height, block_hash: facts.trust.block_hash ?? null, time_ms: facts.trust.time_ms ?? null,
      validators: facts.trust.sets.at(-1).validators.hash,
      earlier: facts.trust.sets.slice(0, -1).map((set) => [set.height, set.validators.hash]),
    },
  });
  const big = (_, value) => (typeof value === 'bigint' ? `big ${value}` : value);
  const answers = [];
  for (const [bundle, trust, timeMsMin, heightMin] of questions) {
    try {
      answers.push(told(await verifyBundle(bundle, trust, { timeMsMin, heightMin, checkTrace })));
    } catch (error) {
      answers.push(error instanceof ProofError ? error.code : `${error} ${error.stack}`);
    }
  }
  return JSON.stringify(answers, big);
})
"""


def python_answer(question: Question) -> Any:
    """Return the facts in the shape of the golden index, or the reason why not."""
    bundle, trust, time_ms_min, height_min = question
    try:
        return _told(facts_of(verify_bundle(bundle, trust_from_json(trust), time_ms_min, height_min)))
    except ProofError as error:
        return error.code


async def browser_answers(browser: Browser, questions: Sequence[Question]) -> list[Any]:
    """Return the same of the JavaScript verifier, on a page that can import it."""
    answers: list[Any] = []
    for start in range(0, len(questions), _BATCH):
        batch = json.dumps(questions[start : start + _BATCH])
        answers += json.loads(cast(str, await browser.evaluate(f"({_ASK})({batch})")))
    return answers


@contextlib.contextmanager
def served(routes: Sequence[BaseRoute] = ()) -> Iterator[str]:
    """Serve the scripts, an empty page at ``/`` and other routes on a free port of this machine."""

    async def empty(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Empty</title>")

    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as bound:
        application = Starlette(routes=[Route("/", empty), *build_script_routes(), *routes])
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


def _told(value: Any) -> Any:
    """Return facts with the integers that JavaScript cannot hold as numbers spelled as it spells them."""
    if isinstance(value, dict):
        return {name: _told(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return f"big {value}" if type(value) is int and not -(2**53) <= value < 2**53 else value
