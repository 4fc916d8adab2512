"""The scripts as they are served: stable addresses, compressed, cached by tag, and one module without a server."""

import asyncio
import gzip

import httpx
import pytest
from starlette.applications import Starlette

from node.web.scripts import NAMES, build_script_routes, one_script, script


def get(path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=build_script_routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://node.test") as client:
            return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return asyncio.run(ask())


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_served_to_everybody(name: str) -> None:
    response = get(f"/{name}", accept_encoding="gzip")
    assert response.status_code == 200
    assert response.text == script(name)
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert int(response.headers["content-length"]) == len(gzip.compress(script(name).encode(), mtime=0))


def test_who_cannot_unpack_gets_it_plain() -> None:
    response = get("/verify.js", accept_encoding="identity")
    assert "content-encoding" not in response.headers
    assert response.text == script("verify.js")


def test_what_a_browser_has_is_not_sent_again() -> None:
    tag = get("/verify.js").headers["etag"]
    response = get("/verify.js", if_none_match=tag)
    assert (response.status_code, response.content) == (304, b"")
    assert get("/check.js", if_none_match=tag).status_code == 200


def test_a_page_without_a_server_has_all_in_one_module() -> None:
    text = one_script()
    assert "import {" not in text
    assert "export async function verifyBundle" in text
    assert "</script" not in text
    assert "<!--" not in text
