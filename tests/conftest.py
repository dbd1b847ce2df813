"""Fixtures that many tests share, each made once a session."""

import pytest
from toy import make_toy_store

from gaitbridge.machine import described
from gaitbridge.simulation.body import Body
from gaitbridge.store import Store


def pytest_sessionstart(session: pytest.Session) -> None:
    """The log of a run names the processor, once."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(session.config, "workerinput"):
        terminal.write_line(f"processor: {described()}")


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """6 people to train, 3 to validate, 4 to test; 2 views."""
    return make_toy_store(tmp_path_factory.mktemp("toy") / "store", {"train": 6, "val": 3, "test": 4})


@pytest.fixture(scope="session")
def anny_reduced() -> Body:
    """The body for rendering."""
    from gaitbridge.simulation.body.anny import open_body

    return open_body("reduced")


@pytest.fixture(scope="session")
def anny_full() -> Body:
    """The body for ground truth."""
    from gaitbridge.simulation.body.anny import open_body

    return open_body("full")
