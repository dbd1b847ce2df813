"""An S3 server for tests (moto, in memory), in a process of its own: prints its address. Writes go one after another, so conditions hold as S3's do.

Buckets whose names begin with `ignores-none` or `ignores-match` are of a store that takes such conditions and ignores them.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

IGNORED = {"/ignores-none": "HTTP_IF_NONE_MATCH", "/ignores-match": "HTTP_IF_MATCH"}
one_at_a_time = threading.Lock()


def conditions_kept(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """moto looks whether an object is there, and then writes it: with a lock around both that is one step."""
    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        for begins, header in IGNORED.items():
            if environ["PATH_INFO"].startswith(begins):
                environ.pop(header, None)
        if environ["REQUEST_METHOD"] == "GET":
            return app(environ, start)
        with one_at_a_time:
            return list(app(environ, start))

    return answer


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    run_simple("127.0.0.1", port, conditions_kept(DomainDispatcherApplication(create_backend_app)), threaded=True)
