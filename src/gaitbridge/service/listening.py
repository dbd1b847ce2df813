"""An application that listens: uvicorn, with what it says passing through `printing`."""

import logging
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from gaitbridge.errors import UserError
from gaitbridge.printing import tell

GRACE_S = 10  # for answers that are being given when it is ended


class _Told(logging.Handler):
    """A log's lines on standard error, in which no name moves a cursor."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(f"{record.levelname.lower()}: {record.getMessage()}")


def listen(app: FastAPI, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it; then what is being answered is finished. ready: is told the address. UserError where it cannot be listened on."""
    log = logging.getLogger("uvicorn")
    log.handlers, log.propagate = [_Told()], False
    log.setLevel(logging.WARNING)
    settings = uvicorn.Config(app, log_config=None, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S)
    with _bound(host, port) as bound:
        name, number = bound.getsockname()[:2]
        ready(f"http://{f'[{name}]' if ':' in name else name}:{number}")
        uvicorn.Server(settings).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    """A socket bound before anything is said, for the port may be another's, or any free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"--host {host}: {error.strerror or error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError as error:
        made.close()
        raise UserError(f"port {port} of {host}: {error.strerror or error}; end what listens there, or choose another --port") from error
    return made
