"""From where a service is reached: this machine alone, or also from others, over TLS of its own or of a proxy that is named; never in the clear."""

import ipaddress
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.errors import UserError
from gaitbridge.service.asgi import App, Receive, Scope, Send, problem
from gaitbridge.service.headers import LOOPBACK_NAMES

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Reach:
    """Where to listen. cert, key: files of TLS, or None; proxies: networks of whoever stands before the service and does TLS; names: by which alone
    it may be called, any where there are none."""

    host: str = "127.0.0.1"
    cert: Path | None = None
    key: Path | None = None
    proxies: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def tls(self) -> bool:
        """Whether browsers speak TLS, to it or to a proxy."""
        return self.cert is not None or bool(self.proxies)


def reached(host: str, cert: Path | None = None, key: Path | None = None, proxies: Sequence[str] = (), names: Sequence[str] = ()) -> Reach:
    """How a service may be reached, from the words of the command line; UserError where keys and what is known of people would cross a network in
    the clear, where a certificate cannot be used, and for a proxy that is no address."""
    if key is not None and cert is None:
        raise UserError("--tls-key belongs to a certificate: give it by --tls-cert")
    if cert is not None:
        _usable(cert, key)
    networks = tuple(_network(word) for word in proxies)
    if not is_loopback(host) and cert is None and not networks:
        raise UserError(f"--host {host} would send keys and what is known of people over the network in the clear: give --tls-cert and --tls-key, or "
                        "say by --behind-proxy ADDRESS that a proxy at that address does TLS")
    known = tuple(name.strip().lower() for name in names)
    if not known and is_loopback(host) and not networks:
        known = (*LOOPBACK_NAMES, *((host,) if host not in LOOPBACK_NAMES and ":" not in host else ()))
    return Reach(host, cert, key, networks, known)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise UserError(f"--behind-proxy {word}: give the address of the proxy, such as 10.0.0.2, or its network, such as 10.88.0.0/16") from None


def _usable(cert: Path, key: Path | None) -> None:
    for file, option in ((cert, "--tls-cert"), (key, "--tls-key")):
        if file is not None and not file.is_file():
            raise UserError(f"{option} {file}: there is no such file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        raise UserError(f"--tls-cert {cert}: it cannot be used with its key ({error.strerror or error}): give a PEM file of each, that belong "
                        "together") from error


def _no_password() -> str:
    raise UserError("--tls-key: it is locked by a password: give one without, that the service alone may read")


class Proxied:
    """Takes from a known proxy whom a request comes from, and that it came over TLS; others are refused, but for this machine itself."""

    def __init__(self, app: App, proxies: Collection[Network]) -> None:
        self.app, self._proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and self._proxies:
            peer = scope["client"][0] if scope.get("client") else ""
            if self._is_proxy(peer):
                scope = {**scope, "client": (self._behind(scope) or peer, 0), "scheme": "https"}
            elif not is_loopback(peer):
                return await problem(scope, send, 403, "this service is reached through its proxy alone: call that")
        await self.app(scope, receive, send)

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if parsed.version == 6 else None
        return any((mapped or parsed) in network for network in self._proxies)

    def _behind(self, scope: Scope) -> str:
        """The last address of X-Forwarded-For that is no proxy: what stands before it may have been made up by whoever asks."""
        given = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
        for word in reversed([one.strip() for one in given.split(",") if one.strip()]):
            if not self._is_proxy(word):
                return word[:64]
        return ""
