"""Walks are told of as they are answered: to who listens, from where they were cut off, and to a web address, signed; nothing of the forgotten."""

import asyncio
import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from gallery_people import files_with
from live_sources import until, web_server
from service_made import made_state, serving

from gaitbridge.service import jobs, people, webhook
from gaitbridge.service.events import after, last
from gaitbridge.service.routes.events import _told
from gaitbridge.service.state import State


def answered(state: State, *who: str) -> str:
    """A recording of these walkers, answered without being read; empty: nobody."""
    job = jobs.add(state.database, hashlib.blake2b("".join(who).encode(), digest_size=16).hexdigest(), "arrays", "operator", {}, 1, "c", True)
    jobs.begin(state.database)
    lines: list[dict[str, Any]] = [{"outcome": "named" if name else "nobody", "decision": name or None, "hits": [], "warnings": [],
                                    "track": 7} for name in who]
    assert jobs.finish(state.database, job, [jobs.Answered(f"{number:032x}", line) for number, line in enumerate(lines)], {}, lambda: True)
    return job.id


def told(state: State, place: int, count: int) -> list[str]:
    """The first events of a stream that goes on."""
    async def some() -> list[str]:
        found: list[str] = []
        stream = _told(state, place)
        while len(found) < count:
            text = await anext(stream)
            if text.startswith("id:"):
                found.append(text)
        return found

    return asyncio.run(asyncio.wait_for(some(), 20))


def test_events_in_order_from_where_one_was_cut_off(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    assert last(state) == 0
    job = answered(state, "Zoë", "")
    first, second = told(state, 0, 2)
    assert first.startswith("id: 1\nevent: walk\ndata: {")
    document = json.loads(first.partition("data: ")[2])
    assert (document["job"], document["track"], document["decision"], document["id"]) == (job, f"{0:032x}", "Zoë", f"{job}-{0:032x}")
    assert told(state, 1, 1) == [second]
    answered(state, "ben")
    assert json.loads(told(state, last(state) - 1, 1)[0].partition("data: ")[2])["decision"] == "ben"
    people.forget(state, "Zoë")
    assert [one["decision"] for one in after(state, 0)] == [None, "ben"]


def test_who_listens_is_told_while_it_happens(tmp_path: Path) -> None:
    state = made_state(tmp_path)

    async def listening() -> str:
        stream = _told(state, last(state))
        assert await anext(stream) == "retry: 2000\n\n"
        waiting: asyncio.Future[str] = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await asyncio.to_thread(answered, state, "ben")
        return await asyncio.wait_for(waiting, 20)

    assert '"decision": "ben"' in asyncio.run(listening())


def test_posted_signed_and_once_through_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(webhook.SECRET, "key")
    seen: list[tuple[dict[str, str], bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with web_server(Taker) as port:
        hooked = {"webhook": f"http://127.0.0.1:{port}/gait?token=secret"}
        state = made_state(tmp_path, **hooked)
        answered(state, "before it began")
        with serving(state):
            until(lambda: (state.folder / "hook.json").exists())
            job = answered(state, "Zoë", "ben")
            until(lambda: len(seen) == 2)
        again = made_state(tmp_path, **hooked)
        answered(again, "cleo")
        people.forget(again, "ben")
        with serving(again):
            until(lambda: len(seen) == 3)
    assert [json.loads(body)["decision"] for _, body in seen] == ["Zoë", "ben", "cleo"]
    headers, body = seen[0]
    expected = hmac.new(b"key", headers["X-Gaitbridge-Time"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Gaitbridge-Signature"] == f"sha256={expected}"
    assert headers["X-Gaitbridge-Id"].startswith(job)
    assert files_with(again.folder, b"token=secret") == []
