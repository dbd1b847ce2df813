"""Pages as they come: whole without JavaScript, every name escaped, nothing inline, for who may see it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from gallery_people import embeddings, walks
from service_browsed import MARKUP, ended, hard_to_tell, sequences, sign_in, signed_in
from service_made import key_of, made_state

from gaitbridge.service.pages.rendering import PAGES, STATIC, rate, when

INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:src|href|action)=\"(?:https?:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    """Who is signed in, and a recording that was answered."""
    state = made_state(tmp_path_factory.mktemp("pages"), "ben")
    state.gallery.enrol(embeddings([MARKUP]), walks([MARKUP], tag="m"))
    with signed_in(state) as found:
        job = found.post("/v1/recordings?site=north", content=sequences()).json()["id"]
        ended(found, job)
        yield found, job


@pytest.fixture
def client(asked: tuple[TestClient, str]) -> TestClient:
    return asked[0]


def test_every_page_is_plain_and_comes_from_here_alone(asked: tuple[TestClient, str]) -> None:
    client, job = asked
    for address in [*(address for address, _ in PAGES), f"/recordings/{job}", f"/people/{quote(MARKUP, safe='')}", "/sign-in"]:
        answer = client.get(address)
        if address == "/sign-in":  # who is signed in needs no form
            assert answer.headers["location"] == "/"
            continue
        assert answer.status_code == 200, f"{address}: {answer.text}"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert not INLINE.search(answer.text), f"{address}: {INLINE.search(answer.text)}"
        assert not ELSEWHERE.search(answer.text), address
        assert MARKUP not in answer.text
        assert answer.text.count("<h1>") == 1
        named = set(re.findall(r'<label[^>]* for="([^"]+)"', answer.text))
        fields = re.findall(r'<(?:input|select)(?![^>]*type="(?:hidden|checkbox)")[^>]* id="([^"]+)"', answer.text)
        assert set(fields) <= named, f"{address}: fields without a label: {set(fields) - named}"
        ids = re.findall(r'\sid="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids)), f"{address}: two of one id"
        for script in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
            assert client.get(script).status_code == 200, script


def test_a_recording_is_read_without_javascript(asked: tuple[TestClient, str]) -> None:
    client, job = asked
    text = client.get(f"/recordings/{job}").text
    for words in ("3 walkers: 1 named, 1 nobody enrolled, 1 not good enough", ">ben</a>", "Nearest enrolled walks", "camera, north", "below 0.2"):
        assert words in text
    moving = re.findall(r'src="([^"]+/strip)"', text)
    assert moving
    assert client.get(moving[0]).headers["content-type"] == "image/png"
    assert 'href="/recordings/' in client.get("/recordings").text
    assert ">ben</a>" in client.get("/live").text


def test_thresholds_say_what_they_were_fixed_on_and_doubt_another_kind(client: TestClient) -> None:
    hard_to_tell(client.app.state.service)  # type: ignore[attr-defined]
    text = client.get("/thresholds").text
    for words in ("Probe camera, gallery camera", "2026-11-21", "simulated", "Not of a kind.", "simulated, not captured", '"traces": [{"'):
        assert words in text
    plotly = re.search(r'src="(/static/[^"]+/plotly\.js)"', text)
    assert plotly
    packed = client.get(plotly[1], headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in packed.headers["cache-control"]
    assert "Plotly" in packed.text


def test_the_audit_log_is_filtered_and_names_those_enrolled_alone(client: TestClient) -> None:
    text = client.get("/audit").text
    assert "&lt;b&gt;Zoë" in text
    assert "calibrate" in text
    chosen = client.get("/audit", params={"command": "enrol", "person": "ben"}).text
    assert ">1 line<" in chosen
    assert 'href="/people/ben"' in chosen
    assert ">0 lines<" in client.get("/audit", params={"person": "nobody of that name"}).text


def test_who_is_not_signed_in_is_asked_for_a_key(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    with signed_in(state, "search", name="reader") as client:
        assert client.get("/").headers["location"] == "/recordings"
        for address in ("/audit", "/access"):
            text = client.get(address).text
            assert "administer" in text
            assert "calibrate" not in text
            assert "revoke" not in text
        client.cookies.clear()
        away = client.get("/people?search=a b")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?then=/people%3Fsearch%3Da%2520b")
        assert 'value="/people?search=a%20b"' in client.get(away.headers["location"]).text
        for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            assert 'name="then" value="/"' in client.get("/sign-in", params={"then": elsewhere}).text
        sign_in(client, key_of(state, "enrol", name="gate"))
        assert client.get("/live").status_code == 403
        assert "Not with this key" in client.get("/recordings").text


def test_mistakes_are_pages(client: TestClient) -> None:
    for address in ("/recordings/nothing", f"/recordings/{'0' * 32}", "/static/x/../../pages/rendering.py", "/static/x/rendering.py"):
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert "Traceback" not in answer.text
    assert "Not there" in client.get(f"/recordings/{'0' * 32}").text
    assert client.get("/recordings?before=x").status_code == 422


def test_mistakes_of_a_browser_without_javascript_are_pages_too(tmp_path: Path) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    state = made_state(tmp_path)
    with signed_in(state) as client:
        client.cookies.clear()
        wrong = client.post("/v1/session", data={"key": "gbk_00000000_x", "then": "/audit?a=<b>"}, headers=browser)
        assert (wrong.status_code, wrong.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert re.search(r'role="alert">this is no key', wrong.text)
        assert 'value="/audit?a=&lt;b&gt;"' in wrong.text
        assert client.post("/v1/session", data={"key": "x"}).headers["content-type"] == "application/problem+json"
        for answer in (client.post("/v1/session", data={"key": "x" * 300}, headers=browser), client.get("/v1/people", headers=browser),
                       client.get("/nothing/here", headers=browser)):
            assert answer.status_code in (401, 404, 422)
            assert answer.text.count("<h1>") == 1


def test_numbers_are_said_with_two_digits() -> None:
    said = {0.0: "0 %", 0.00083: "0.083 %", 0.004: "0.4 %", 0.1234: "12 %", 0.996: "100 %", 1.0: "100 %", None: "not known"}
    assert [rate(value) for value in said] == list(said.values())
    assert str(when(0.0)) == '<time datetime="1970-01-01T00:00:00+00:00">1970-01-01 00:00 UTC</time>'
    assert str(when("2026-11-29T10:00:00.5+00:00")).endswith(">2026-11-29 10:00 UTC</time>")
    assert str(when("<b>")) == "&lt;b&gt;"
    assert str(when(None)) == "not known"
    assert {"page.js", "style.css", "plotly.js"} <= STATIC.keys()
