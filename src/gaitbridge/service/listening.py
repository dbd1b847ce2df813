"""An application that listens: uvicorn, with what it says passing through `printing`."""

import logging
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from gaitbridge.errors import UserError
from gaitbridge.printing import tell
from gaitbridge.service.limits import MOST_ADDRESS, MOST_HEADERS
from gaitbridge.service.reaching import Reach
from gaitbridge.service.slow_clients import Impatient, ImpatientBehindProxy

GRACE_S = 10  # for answers that are being given when it is ended
WAITING = 1024  # connections that are not taken yet
CONNECTIONS = 512  # at once; who comes then is told to come back


class _Told(logging.Handler):
    """A log's lines on standard error, in which no name moves a cursor."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(f"{record.levelname.lower()}: {record.getMessage()}")


def listen(app: FastAPI, reach: Reach, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it; then what is being answered is finished. ready: is told the address. UserError where it cannot be listened on."""
    server = server_of(app, reach)
    with bound_to(reach.host, port) as bound:
        name, number = bound.getsockname()[:2]
        ready(f"http{'s' if reach.cert else ''}://{f'[{name}]' if ':' in name else name}:{number}")
        try:
            server.run(sockets=[bound])
        except KeyboardInterrupt:  # the signal again, now that what was being answered is finished
            tell("ended; recordings that were acknowledged are answered after the next start")


def server_of(app: FastAPI, reach: Reach) -> uvicorn.Server:
    """The server of an application, which waits for no client for ever and believes no header that says who it is."""
    log = logging.getLogger("uvicorn")
    log.handlers, log.propagate = [_Told()], False
    log.setLevel(logging.WARNING)
    protocol = ImpatientBehindProxy if reach.proxies else Impatient
    return uvicorn.Server(uvicorn.Config(
        app, http=protocol, ws="none", log_config=None, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=CONNECTIONS, h11_max_incomplete_event_size=MOST_HEADERS + MOST_ADDRESS, timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=reach.cert, ssl_keyfile=str(reach.key) if reach.key else None, ssl_ciphers="DEFAULT"))


def bound_to(host: str, port: int) -> socket.socket:
    """A socket bound before anything is said, for the port may be another's, or any free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"--host {host}: {error.strerror or error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(WAITING)  # who comes before the first is taken waits, and is not refused
    except OSError as error:
        made.close()
        raise UserError(f"port {port} of {host}: {error.strerror or error}; end what listens there, or choose another --port") from error
    return made
