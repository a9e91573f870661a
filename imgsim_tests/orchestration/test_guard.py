"""The guard in front of Dagster's web server: what it passes on and what it refuses; `test_ui` has a real server."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from imgsim_assets.orchestration.guard import Guard

HERE = "127.0.0.1:3000"
OWN = {"host": HERE, "origin": f"http://{HERE}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
LINK = {"host": HERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
WIPE = "mutation Wipe { wipeAssets(assetPartitionRanges: []) { __typename } }"


def ask(
    headers: dict[str, str] | list[tuple[str, str]],
    method: str = "GET",
    path: str = "/",
    query: dict[str, str] | None = None,
    kind: str = "http",
    hosts: tuple[str, ...] = (),
) -> int:
    """Send one request to the guard; 200: it was passed on."""
    sent: list[dict[str, Any]] = []

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message) -> None:
        sent.append(message)

    pairs = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": kind,
        "path": path,
        "query_string": urlencode(query or {}).encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
        **({"method": method} if kind == "http" else {}),
    }
    asyncio.run(Guard(app, hosts)(scope, receive, send))
    return sent[0].get("status", 403 if sent[0]["type"] == "websocket.close" else 0)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:3000", "localhost:3000", "LocalHost:80", "[::1]:3000"])
def test_it_answers_to_the_names_of_the_loopback(name: str):
    assert ask({"host": name}) == 200
    assert ask({"host": name, "origin": f"http://{name}"}, "POST", "/graphql") == 200
    assert ask({"host": name, "origin": f"http://{name}"}, kind="websocket", path="/graphql") == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example", "evil.example:3000", "", "localhost.evil.example", "127.0.0.1.evil.example", "x@localhost",
     "localhost:3000@evil.example", "localhost/", "localhost:port", "0.0.0.0:3000", "169.254.169.254", "[::1"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_name_that_is_not_its_own_is_refused(name: str, kind: str):
    """DNS rebinding: evil.example points to 127.0.0.1, and its pages are of the same origin as this server."""
    assert ask({"host": name, "origin": f"http://{name}", "sec-fetch-site": "same-origin"}, kind=kind) == 403


def test_no_host_and_two_hosts_are_refused():
    assert ask({}) == 403
    assert ask([("host", HERE), ("host", "evil.example")]) == 403


def test_a_name_that_a_person_allows_is_one_of_its_own():
    named = {"host": "photos.example.org", "origin": "https://photos.example.org"}
    assert ask(named, "POST", hosts=("Photos.Example.org",)) == 200
    assert ask({**named, "host": "other.example.org"}, "POST", hosts=("photos.example.org",)) == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:8888", "http://localhost:3000", "file://", HERE]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_another_origin_is_refused(origin: str, method: str):
    assert ask({"host": HERE, "origin": origin}, method, "/graphql") == 403
    assert ask({"host": HERE, "origin": origin}, method, "/report_asset_materialization/clusters") == 403
    assert ask({"host": HERE, "origin": origin}, kind="websocket", path="/graphql") == 403


def test_two_origins_are_refused():
    assert ask([*OWN.items(), ("origin", "http://evil.example")], "POST") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
@pytest.mark.parametrize("dest", ["empty", "image", "script", "iframe", "object"])
def test_what_another_page_embeds_is_refused_also_without_an_origin(site: str, dest: str):
    told = {"host": HERE, "sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": dest}
    assert ask(told) == 403
    assert ask({**told, "sec-fetch-mode": "navigate"}) == 403


def test_a_link_of_another_page_opens_but_does_nothing():
    assert ask(LINK) == 200
    assert ask(LINK, path="/graphql", query={"query": WIPE}) == 405
    assert ask(LINK, "POST") == 403
    assert ask({**LINK, "origin": "http://evil.example"}) == 403


def test_its_own_pages_and_programs_may_do_anything():
    assert ask(OWN, "POST", "/graphql") == 200
    assert ask(OWN, path="/graphql", kind="websocket") == 200
    assert ask({"host": HERE}, "POST", "/graphql") == 200  # curl, Dagster's own client
    assert ask({"host": HERE, "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}) == 200  # typed


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/prefix/graphql"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "text",
    [WIPE, f"query Q {{ version }} {WIPE}", "subscription { x }", "# query\nmutation{x}", "{", "\ufeffmutation { x }",
     "fragment f on Query { version } mutation { x }", "{x" * 5000],
)  # fmt: skip
def test_an_operation_in_the_address_that_is_no_query_is_refused(path: str, method: str, text: str):
    assert ask(OWN, method, path, {"query": text}) == 405


def test_queries_in_the_address_and_addresses_of_other_pages_are_passed_on():
    assert ask(OWN, path="/graphql", query={"query": "query { version }"}) == 200
    assert ask(OWN, path="/graphql") == 200
    assert ask(OWN, path="/assets", query={"query": "mutation"}) == 200
