"""The state of the service, as a route is given it: `def route(here: Here)`."""

from typing import Annotated

from fastapi import Depends, Request

from gaitbridge.service.state import State


def _state(request: Request) -> State:
    found = request.app.state.service
    assert isinstance(found, State)
    return found


Here = Annotated[State, Depends(_state)]
