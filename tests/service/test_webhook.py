"""Answers reach a web address in order, each until it was taken, signed where there is a secret."""

import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from live_sources import until, web_server

from gaitbridge.errors import UserError
from gaitbridge.service import webhook
from gaitbridge.service.webhook import FileLines, Webhook


class Taker(BaseHTTPRequestHandler):
    """Takes what is posted, but for the first `failures`."""

    seen: list[tuple[dict[str, str], bytes]]
    failures: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        failing = type(self).failures > 0
        type(self).failures -= failing
        if not failing:
            type(self).seen.append((dict(self.headers), body))
        self.send_response(503 if failing else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def taker(monkeypatch: pytest.MonkeyPatch) -> type[Taker]:
    monkeypatch.setattr(webhook, "FIRST_S", 0.02)
    return type("Own", (Taker,), {"seen": [], "failures": 0})


def add(lines: Path, *names: str) -> None:
    with lines.open("a") as file:
        file.writelines(json.dumps({"id": name, "person": "Zoë"}, ensure_ascii=False) + "\n" for name in names)


def test_in_order_through_failures_and_signed(
    tmp_path: Path, taker: type[Taker], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(webhook.SECRET, "key")
    lines, state = tmp_path / "walks.jsonl", tmp_path / "hook.json"
    taker.failures = 3
    with web_server(taker) as port, Webhook(f"http://user:pass@127.0.0.1:{port}/gait?token=x", FileLines(lines), state) as hook:
        add(lines, "a", "b")
        hook.tell()
        until(lambda: len(taker.seen) == 2)
        add(lines, "c")
        hook.tell()
        until(lambda: len(taker.seen) == 3)
    assert [json.loads(body)["id"] for _, body in taker.seen] == ["a", "b", "c"]
    headers, body = taker.seen[0]
    assert headers["X-Gaitbridge-Id"] == "a"
    assert headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert headers["Content-Type"] == "application/json"
    signed = hmac.new(b"key", headers["X-Gaitbridge-Time"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Gaitbridge-Signature"] == f"sha256={signed}"
    told = capsys.readouterr().err
    assert "it answered 503: tried again" in told
    assert "takes answers again" in told
    assert "pass" not in told
    assert "token" not in told


def test_what_was_not_taken_is_delivered_after_a_restart(tmp_path: Path, taker: type[Taker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "LAST_S", 0.1)
    lines, state = tmp_path / "walks.jsonl", tmp_path / "hook.json"
    add(lines, "before")  # there before the hook was
    with web_server(taker) as port:
        address = f"http://127.0.0.1:{port}/"
        with Webhook(address, FileLines(lines), state):
            pass
    with Webhook(address, FileLines(lines), state) as hook:  # nobody is there
        add(lines, "a", "b")
        hook.tell()
    assert taker.seen == []
    with web_server(taker, port), Webhook(address, FileLines(lines), state):
        until(lambda: len(taker.seen) == 2)
    with web_server(taker, port), Webhook(address, FileLines(lines), state):
        pass
    assert [json.loads(body)["id"] for _, body in taker.seen] == ["a", "b"]


@pytest.mark.parametrize("url", ["ftp://host/x", "host", "http:///x"])
def test_no_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="give an address"):
        Webhook(url, FileLines(tmp_path / "a"), tmp_path / "b")
