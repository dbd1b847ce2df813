"""Headers of every answer, and the names by which the service may be called.

Nothing that the page loads comes from elsewhere, and no script or style stands within it: a name with markup in it would do nothing even where
somebody forgot to escape it.
"""

from collections.abc import Collection

from gaitbridge.service.asgi import App, Message, Receive, Scope, Send, header, problem

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
          "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # not no-referrer, with which browsers send "Origin: null" from our own forms
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
TLS = {"strict-transport-security": "max-age=31536000"}
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Headers:
    """Gives every answer its headers. An answer keeps its own Cache-Control; without one it is stored nowhere."""

    def __init__(self, app: App, tls: bool = False) -> None:
        self.app = app
        self._always = [(name.encode(), value.encode()) for name, value in (ALWAYS | (TLS if tls else {})).items()]
        self._names = {name for name, _ in self._always}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower(), value) for name, value in message.get("headers", ()) if name.lower() not in self._names]
                if not any(name == b"cache-control" for name, _ in own):
                    own.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*own, *self._always]}
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Hosts:
    """Answers by no other name than those given: a page of elsewhere whose name was made to lead here gets nothing (DNS rebinding).

    names: without ports; empty: every name, for whoever stands before the service has looked.
    """

    def __init__(self, app: App, names: Collection[str] = ()) -> None:
        self.app, self._names = app, {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and self._names and host_of(scope) not in self._names:
            words = f"this service does not go by that name: call it {' or '.join(sorted(self._names))}, or name it by --allowed-host"
            return await problem(scope, send, 421, words)
        await self.app(scope, receive, send)


def host_of(scope: Scope) -> str:
    """The name by which a request calls, without port; empty where it says none, or several."""
    host = header(scope, b"host").lower()
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
