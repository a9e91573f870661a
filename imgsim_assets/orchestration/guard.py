"""A guard in front of Dagster's web server, which by itself does what any page in the person's browser asks of it.

A page of another site can send requests to 127.0.0.1, and by a name of its own that it lets point there (DNS
rebinding) also read the answers. So a request must name this server by a name that it has, come from its own pages or
from no page at all, and change nothing by GET.
"""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qs, urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
GRAPHQL = "/graphql"
FROM_HERE = {"same-origin", "none"}  # none: the person typed the address
FORBIDDEN, METHOD_NOT_ALLOWED = 403, 405


class Guard:
    """An ASGI application that passes on to another one what may be asked of it."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        """Guard `app`; `hosts` are names that the server has beside the loopback's."""
        self.app = app
        self.hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection: pass it on, or say in one line why not."""
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        refused = self._refusal(scope)
        if refused is None:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()  # the wish to connect; closing before it is accepted is answered with 403
            return await send({"type": "websocket.close", "code": 1008})
        status, words = refused
        return await PlainTextResponse(f"{words}\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = _headers(scope)
        host = headers.get("host", "")
        if _name_of(host) not in self.hosts:
            known = ", ".join(sorted(self.hosts))
            return FORBIDDEN, (
                f"expected a request to {known}; found one to {host[:100]!r}; to mend: use one of these names, "
                "or name this one in ui.hosts"
            )
        if not _is_from_here(headers, host) and not _is_a_link(scope, headers):
            return FORBIDDEN, "expected a request of this server's own pages; found one of another site's"
        if scope["type"] == "http" and _changes_by_address(scope):
            return METHOD_NOT_ALLOWED, "expected a query in the address; found something else; to mend: POST it as JSON"
        return None


def _headers(scope: Scope) -> dict[str, str]:
    """Give the headers; one that is there twice is an odd one, which matches nothing."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _name_of(host: str) -> str | None:
    """Give the name in a Host header, without its port; None: it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # must be a number
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and parts.username is None else None


def _is_from_here(headers: Mapping[str, str], host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"http://{host.lower()}", f"https://{host.lower()}"}:
        return False
    return headers.get("sec-fetch-site", "none") in FROM_HERE


def _is_a_link(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a person followed a link of another site: the page opens for them, and the other site sees nothing."""
    return (
        scope.get("method") == "GET"
        and "origin" not in headers
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _changes_by_address(scope: Scope) -> bool:
    """Whether a GraphQL operation that is no query stands in the address, where links and pictures can put it."""
    if not scope["path"].rstrip("/").endswith(GRAPHQL):
        return False
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("query", [])
    return any(_is_no_query(text) for text in asked)


def _is_no_query(text: str) -> bool:
    try:
        definitions = parse(text).definitions
    except (GraphQLError, RecursionError):
        return True
    operations = [one.operation for one in definitions if isinstance(one, OperationDefinitionNode)]
    return any(operation is not OperationType.QUERY for operation in operations)
