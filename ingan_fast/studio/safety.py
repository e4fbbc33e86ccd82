"""Who may ask the server: the token, `Host` and `Origin`, and how much may be sent."""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def new_token() -> str:
    return secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on this host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str, port: int) -> frozenset[str] | None:
    """What `Host` may be for a server that listens on this host; None: anything, as it listens on all addresses."""
    if host in ("0.0.0.0", "::", "[::]"):
        return None
    names = {*LOOPBACK} if is_loopback(host) else {host}
    if ":" in host and not host.startswith("["):
        names |= {f"[{host}]"}
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


@dataclass(frozen=True)
class Rules:
    """Who may ask.

    Attributes:
        token: what the cookie or the header must have; None: no token is needed.
        hosts: what `Host` may be; None: anything.
        cookie: its name.
        max_bytes: of a request's body, by the beginning of its path; the first one that matches counts.
        open_paths: paths that need no token.
    """

    token: str | None
    hosts: frozenset[str] | None
    cookie: str
    max_bytes: tuple[tuple[str, int], ...] = (("", 1 << 20),)
    open_paths: frozenset[str] = frozenset()

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for a request that is refused; None for one that isn't."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or (self.hosts is not None and hosts[0].lower() not in self.hosts):
            return 403, "this server doesn't answer to that name; open the address that it printed"
        if any(
            origin.lower() not in (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower()) for origin in origins
        ):
            return 403, "another page asks, and only the studio's own page may; open the address that it printed"
        if self.token is not None and scope["path"] not in self.open_paths and not self._knows_token(scope, headers):
            return 401, "the token is missing or wrong; open the address that the server printed"
        return None

    def body_limit(self, path: str) -> int:
        return next((limit for start, limit in self.max_bytes if path.startswith(start)), 1 << 20)

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        return any(self.is_token(text) for text in _tokens(scope, headers, self.cookie))

    def is_token(self, text: str) -> bool:
        return self.token is not None and hmac.compare_digest(text.encode(), self.token.encode())


def _tokens(scope: Scope, headers: Headers, cookie: str) -> Iterable[str]:
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield text.strip()
    for line in headers.getlist("cookie"):
        try:
            morsel = SimpleCookie(line).get(cookie)
        except CookieError:
            continue
        if morsel is not None:
            yield morsel.value
    if scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET":
        yield from parse_qs(scope["query_string"].decode("latin-1")).get("token", [])


class TooLarge(HTTPException):
    """A body that is longer than allowed."""

    def __init__(self, limit: int):
        super().__init__(413, f"this is too large; at most {limit / 1e6:.0f} MB are allowed")


class Guard:
    """Refuses what the rules refuse, counts the bytes of bodies as they come, and adds the headers to answers."""

    def __init__(self, app: ASGIApp, rules: Rules):
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._rules.refusal(scope)
        if refusal is not None:
            await self._refuse(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit, arrived = self._rules.body_limit(scope["path"]), 0
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await self._refuse(scope, receive, send, 413, TooLarge(limit).detail)
            return

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise TooLarge(limit)  # the app answers it like its own errors
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, counted, with_headers)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
        headers = {**HEADERS, "Connection": "close"}
        response: Response = JSONResponse({"error": sentence}, status, headers)
        if scope["type"] == "http" and scope["path"] == "/":
            response = HTMLResponse(
                f"<!doctype html><title>ingan-fast studio</title><p>{sentence}.</p>", status, headers
            )
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": sentence})
            return
        await response(scope, receive, send)
