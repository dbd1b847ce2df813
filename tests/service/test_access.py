"""Who comes in: keys by their scopes, sessions by cookies nobody forges, tokens nobody replays, rates; and what every answer says to browsers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from service_made import key_of, made_state, serving

from gaitbridge.gallery import audit
from gaitbridge.service import admission, keys, sessions, streams
from gaitbridge.service.access import Caller, needs
from gaitbridge.service.headers import POLICY, Hosts
from gaitbridge.service.keys import SCOPES, Key
from gaitbridge.service.sessions import PLAIN, SECURE, fits_token, token
from gaitbridge.service.state import State

OPEN = {("GET", "/v1/health"), ("POST", "/v1/session")}  # what needs no key: whether it lives, and signing in
SAME = {"Origin": "http://testserver"}


@pytest.fixture
def state(tmp_path: Path) -> State:
    return made_state(tmp_path)


@pytest.fixture
def client(state: State) -> Iterator[TestClient]:
    with serving(state, key="", faults=True) as one:
        one.follow_redirects = False
        yield one


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def signed_in(client: TestClient, key: str) -> str:
    """Sign in; the session's secret, which the client sends from now on."""
    answer = client.post("/v1/session", data={"key": key}, headers=SAME)
    assert answer.status_code == 303
    return client.cookies[PLAIN]


def test_every_route_needs_a_key_but_these(client: TestClient) -> None:
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    routes = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert len(routes) > 5
    for method, path in routes:
        if (method, path) in OPEN:
            continue
        concrete = path.replace("{", "").replace("}", "")
        answer = client.request(method, concrete)
        assert answer.status_code == 401, f"{method} {path} answered {answer.status_code} without a key"


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_scope_opens_what_it_names_alone(state: State, client: TestClient, scope: str) -> None:
    made = key_of(state, scope, name=scope)
    answer = client.get("/v1/keys", headers=bearer(made))
    assert answer.status_code == (200 if scope == "administer" else 403)
    if scope != "administer":
        assert answer.json()["detail"].startswith(f"the key '{scope}' may not do this: it lacks administer")
    assert client.get("/v1/session", headers=bearer(made)).json() == {"name": scope, "scopes": [scope], "csrf_token": ""}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic Zm9vOmJhcg==", "Bearer null", "Bearer gbk_00000000_" + "A" * 43, "Bearer a b",
                                    "Bearer gbk_%00", "bearer \N{LATIN SMALL LETTER E WITH ACUTE}", "Bearer " + "x" * 5000])
def test_what_is_no_key_is_refused(client: TestClient, header: str) -> None:
    answer = client.get("/v1/session", headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_keys_are_made_listed_and_revoked_and_the_log_says_by_whom(state: State, client: TestClient) -> None:
    boss = bearer(key_of(state, name="boss"))
    made = client.post("/v1/keys", json={"name": "gate", "scopes": ["search"], "days": 3}, headers=boss)
    assert made.status_code == 201
    key = made.json()["key"]
    assert client.get("/v1/session", headers=bearer(key)).json()["name"] == "gate"
    listed = client.get("/v1/keys", headers=boss)
    assert [one["name"] for one in listed.json()] == ["boss", "gate"]
    assert key.split("_", 2)[2] not in listed.text
    assert "scrypt" not in listed.text
    assert client.delete("/v1/keys/gate", headers=boss).status_code == 204
    assert client.get("/v1/session", headers=bearer(key)).status_code == 401
    assert client.delete("/v1/keys/gate", headers=boss).status_code == 404
    assert client.delete("/v1/keys/boss", headers=boss).status_code == 409
    assert client.post("/v1/keys", json={"name": "boss", "scopes": ["search"]}, headers=boss).status_code == 409
    assert client.post("/v1/keys", json={"name": "gate/2", "scopes": ["search"]}, headers=boss).status_code == 201
    assert client.delete("/v1/keys/gate%2F2", headers=boss).status_code == 204
    assert client.post("/v1/keys", json={"name": "a", "scopes": ["all"]}, headers=boss).status_code == 400
    lines = [(line["command"], line["actor"], line["key"]) for line in audit.read(state.gallery.index)[0] if "key" in line]
    assert lines[:2] == [("key made", "boss", "gate"), ("key revoked", "boss", "gate")]


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(state: State, client: TestClient) -> None:
    answer = client.post("/v1/session", data={"key": key_of(state), "then": "/people"}, headers=SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    given = answer.headers["set-cookie"]
    assert given.startswith(f"{PLAIN}=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert part in given
    assert "Secure" not in given
    assert client.get("/v1/session").json()["name"] == "operator"
    with state.database.reading() as connection:
        kept = connection.execute("SELECT * FROM sessions").fetchall()
    assert len(kept) == 1
    assert client.cookies[PLAIN] not in json.dumps([dict(row) for row in kept])
    assert ("sign in", "operator") in [(line["command"], line["actor"]) for line in audit.read(state.gallery.index)[0]]


def test_over_tls_the_cookie_needs_tls_and_a_plain_one_counts_for_nothing(state: State, client: TestClient) -> None:
    client.base_url = "https://testserver"
    answer = client.post("/v1/session", data={"key": key_of(state)}, headers={"Origin": "https://testserver"})
    given = answer.headers["set-cookie"]
    assert given.startswith(f"{SECURE}=")
    assert "; Secure" in given
    secret = given.partition("=")[2].partition(";")[0]
    client.cookies.clear()
    assert client.get("/v1/session", headers={"Cookie": f"{PLAIN}={secret}"}).status_code == 401  # whoever can set cookies over HTTP sets no session
    assert client.get("/v1/session", headers={"Cookie": f"{SECURE}={secret}"}).status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 5000, "../../etc/passwd", "' OR 1=1 --", "%00"])
def test_forged_cookies_are_nobodys(state: State, client: TestClient, cookie: str) -> None:
    signed_in(client, key_of(state))
    client.cookies.clear()
    assert client.get("/v1/session", headers={"Cookie": f"{PLAIN}={cookie}"}).status_code == 401


def test_the_digest_that_is_kept_is_no_cookie(state: State, client: TestClient) -> None:
    signed_in(client, key_of(state))
    with state.database.reading() as connection:
        kept = connection.execute("SELECT digest FROM sessions").fetchone()["digest"]
    client.cookies.clear()
    assert client.get("/v1/session", headers={"Cookie": f"{PLAIN}={kept}"}).status_code == 401


def test_what_changes_something_needs_the_token_of_the_same_session(state: State, client: TestClient) -> None:
    key = key_of(state)
    first = signed_in(client, key)
    old = client.get("/v1/session").json()["csrf_token"]
    wanted = {"name": "gate", "scopes": ["search"]}
    for mark in (None, b"", b"0" * 64, first.encode(), "é".encode()):
        headers = [] if mark is None else [(b"X-CSRF-Token", mark)]
        assert client.post("/v1/keys", json=wanted, headers=headers).status_code == 403
    assert client.post("/v1/keys", json=wanted, headers={"X-CSRF-Token": old}).status_code == 201
    client.cookies.clear()
    signed_in(client, key)
    assert client.get("/v1/session").json()["csrf_token"] != old
    replayed = client.delete("/v1/keys/gate", headers={"X-CSRF-Token": old})
    assert replayed.status_code == 403
    assert "another session" in replayed.json()["detail"]
    assert "gate" in [one.name for one in state.access.keys.all()]


def test_a_session_ends_when_it_is_signed_out_and_nothing_revives_it(state: State, client: TestClient) -> None:
    secret = signed_in(client, key_of(state))
    mark = {"X-CSRF-Token": token(secret)}
    assert client.delete("/v1/session").status_code == 403
    ended = client.delete("/v1/session", headers=mark)
    assert ended.status_code == 204
    assert "Max-Age=0" in ended.headers["set-cookie"]
    client.cookies.clear()
    assert client.get("/v1/session", headers={"Cookie": f"{PLAIN}={secret}"}).status_code == 401
    assert client.post("/v1/keys", json={"name": "x", "scopes": ["search"]}, headers={"Cookie": f"{PLAIN}={secret}", **mark}).status_code == 401


@pytest.mark.parametrize("what", ["idle", "old", "revoked"])
def test_sessions_end_by_themselves(state: State, client: TestClient, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(client, key_of(state))
    now = [time.time()]
    monkeypatch.setattr(sessions.time, "time", lambda: now[0])
    if what == "revoked":
        state.access.keys.revoke("operator")
    elif what == "idle":
        now[0] += sessions.IDLE_S + 1
    else:
        for _ in range(23):  # in use all the time
            now[0] += 1800.0
            assert client.get("/v1/session").status_code == 200
        now[0] += 1801.0
    assert client.get("/v1/session").status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                                     {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://testserver.evil.example"}])
def test_another_site_signs_nobody_in(state: State, client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/v1/session", data={"key": key_of(state)}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y",
                                  "people", "/\tevil", "/é"])
def test_signing_in_leads_nowhere_else(state: State, client: TestClient, then: str) -> None:
    answer = client.post("/v1/session", data={"key": key_of(state), "then": then}, headers=SAME)
    assert answer.headers["location"] == "/"
    assert len(answer.headers.get_list("set-cookie")) == 1


def test_a_key_has_its_rate_and_others_have_theirs(state: State, client: TestClient) -> None:
    few, other = key_of(state, name="few", per_minute=60), key_of(state, name="other")
    now = [0.0]
    state.access.rates._clock = lambda: now[0]
    answers = [client.get("/v1/session", headers=bearer(few)) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1].headers["retry-after"] == "1"
    assert "may ask 60 times a minute" in answers[-1].json()["detail"]
    assert client.get("/v1/session", headers=bearer(other)).status_code == 200
    assert client.get("/v1/session", headers=bearer(few)).status_code == 429
    signed_in(client, few)  # and not by its session either
    assert client.get("/v1/session").status_code == 429
    now[0] += 1.0
    assert client.get("/v1/session").status_code == 200


def test_who_guesses_is_made_to_wait_and_who_is_known_is_not(state: State, client: TestClient) -> None:
    known, unused = key_of(state, name="known"), key_of(state, name="unused")
    state.access.tries._clock = lambda: 0.0
    assert client.get("/v1/session", headers=bearer(known)).status_code == 200
    codes = [client.get("/v1/session", headers=bearer(f"gbk_{number:08x}_{'A' * 43}")).status_code for number in range(admission.TRIES_AT_ONCE + 3)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert client.get("/v1/session", headers=bearer(known)).status_code == 200
    assert client.get("/v1/session", headers=bearer(unused)).status_code == 429  # its slow hash would have to be paid
    assert client.post("/v1/session", data={"key": unused}, headers=SAME).status_code == 429


def test_many_who_come_at_once_with_the_right_key_pay_for_it_once(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    key, paid = key_of(state), []
    slow = state.access.keys.slow

    def counted(text: str) -> Key | None:
        paid.append(text)
        time.sleep(0.05)
        return slow(text)

    monkeypatch.setattr(state.access.keys, "slow", counted)

    async def come(count: int) -> list[Key]:
        return await asyncio.gather(*(state.access.key(key, "10.0.0.1") for _ in range(count)))

    assert {one.name for one in asyncio.run(come(4 * admission.TRIES_AT_ONCE))} == {"operator"}
    assert len(paid) == 1
    state.access.keys._right.clear()
    for _ in range(2 * admission.TRIES_AT_ONCE):  # and a right key is no try
        state.access.keys._right.clear()
        asyncio.run(come(1))


@pytest.mark.parametrize("ends", ["revoked", "signed out"])
def test_a_stream_of_events_ends_with_its_key_or_session(state: State, client: TestClient, ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "AGAIN_S", 0.0)
    secret = signed_in(client, key_of(state))

    async def endless() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        state.access.keys.revoke("operator") if ends == "revoked" else state.access.sessions.end(secret)
        while True:
            yield "data: 2\n\n"
            await asyncio.sleep(0.01)

    @client.app.get("/stream")  # type: ignore[attr-defined]
    def stream(caller: Annotated[Caller, Depends(needs())]) -> StreamingResponse:
        return StreamingResponse(endless(), media_type="text/event-stream")

    assert client.get("/stream").text == "data: 1\n\nevent: ended\ndata: {}\n\n"


def test_every_answer_has_its_headers(state: State, client: TestClient) -> None:
    @client.app.get("/fails")  # type: ignore[attr-defined]
    def fails() -> None:
        raise ValueError("a fault")

    for path, code in (("/v1/health", 200), ("/nothing", 404), ("/v1/keys", 401), ("/fails", 500)):
        answer = client.get(path)
        assert answer.status_code == code
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_a_name_that_is_not_ours_gets_nothing(client: TestClient) -> None:
    guarded = TestClient(Hosts(client.app, ["localhost", "[::1]"]), raise_server_exceptions=False)
    for host, code in (("localhost:8000", 200), ("LOCALHOST", 200), ("[::1]:8000", 200), ("evil.example", 421), ("localhost.evil.example", 421),
                       ("[::1", 421), ("", 421)):
        assert guarded.get("/v1/health", headers={"Host": host}).status_code == code, host


def test_a_long_form_is_no_key(client: TestClient) -> None:
    assert client.post("/v1/session", data={"key": "x" * 201}, headers=SAME).status_code == 422
    assert client.post("/v1/session", data={"key": "x" * 2**21}, headers=SAME).status_code == 413
    assert client.post("/v1/session", headers=SAME).status_code == 422


def test_tokens_differ_and_are_compared_whole() -> None:
    assert token("a") != token("b")
    assert fits_token("a", token("a"))
    assert not fits_token("a", token("a")[:-1])
    assert not fits_token("a", "")
    assert keys.FORM.fullmatch("gbk_00000000_" + "A" * 43 + "\n") is None
