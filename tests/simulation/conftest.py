"""Bodies that many tests share: opened once a session."""

import pytest

from gaitbridge.simulation.body import Body
from gaitbridge.simulation.body.anny import open_body


@pytest.fixture(scope="session")
def anny_reduced() -> Body:
    return open_body("reduced")


@pytest.fixture(scope="session")
def anny_full() -> Body:
    return open_body("full")
