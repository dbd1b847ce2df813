"""The service as a whole: routes are found, need a key, are counted; mistakes are problem details; the page of the interface is its own."""

import re
from pathlib import Path

import pytest
from service_made import made_state, serving

from gaitbridge.errors import Fault, StoreError, Unknown, UserError
from gaitbridge.service.problems import MEDIA, Problem
from gaitbridge.service.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return made_state(tmp_path)


def test_health_needs_no_key_and_says_what_fails(state: State) -> None:
    with serving(state, key="") as client:
        assert client.get("/v1/health").json()["status"] == "ok"
        (Path(state.gallery.place) / "lock").unlink()
        answer = client.get("/v1/health")
        assert answer.status_code == 503
        assert "gallery" in answer.json()["problems"]  # and perhaps work beside the requests, which has met it


@pytest.mark.parametrize("key", ["", "another"])
def test_without_the_key_nothing_is_answered(state: State, key: str) -> None:
    with serving(state, key=key) as client:
        answer = client.get("/metrics")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "key" in answer.json()["detail"]


def test_requests_are_counted_by_route_not_by_path(state: State) -> None:
    with serving(state) as client:
        client.get("/v1/health")
        client.get("/no/such/<script>")
        text = client.get("/metrics").text
    assert 'gaitbridge_requests_total{method="GET",route="/v1/health",status="200"} 1.0' in text
    assert 'route="none",status="404"' in text
    assert "script" not in text


@pytest.mark.parametrize(("error", "status"), [
    (UserError("a mistake: mend it"), 400), (Unknown("nobody called so"), 404), (Problem(409, "twice"), 409), (StoreError("damaged"), 500),
    (Fault("ours"), 500), (ValueError("secret words"), 500), (OSError(28, "No space left on device"), 507)])
def test_mistakes_are_problem_details_without_a_trace(state: State, error: Exception, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(state, faults=True) as client:
        @client.app.get("/fails")  # type: ignore[attr-defined]
        def fails() -> None:
            raise error

        answer = client.get("/fails")
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA
    assert answer.json()["instance"] == "/fails"
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text
    if status == 500 and not isinstance(error, UserError):
        assert "secret words" in capsys.readouterr().err  # for whoever runs it, with the number that was answered


def test_what_is_not_there_says_where_to_look(state: State) -> None:
    with serving(state) as client:
        assert "/docs" in client.get("/nothing").json()["detail"]
        assert client.put("/v1/health").status_code == 405


def test_the_interface_is_described_by_a_page_that_needs_nothing_from_elsewhere(state: State) -> None:
    with serving(state, key="") as client:
        schema, page = client.get("/openapi.json").json(), client.get("/docs").text
        linked = re.findall(r'(?:href|src)="([^"#]+)"', page)
        assert all(client.get(place).status_code == 200 for place in linked)
    assert not [place for place in linked if not place.startswith("/")]
    assert not re.findall(r"<script|<style| style=| on[a-z]+=", page)
    for path, methods in schema["paths"].items():
        assert f"{next(iter(methods)).upper()} {path}" in page
        assert all(one.get("description") for one in methods.values()), path
    assert all(f'id="{name}"' in page for name in re.findall(r"#/components/schemas/(\w+)", str(schema)))
    question = schema["paths"]["/v1/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "weights_hash" in str(question["properties"]["embeddings"])
