"""What is due is removed by the service itself, on time."""

import threading

from gaitbridge.files import sweep
from gaitbridge.gallery.audit import acting
from gaitbridge.service.retention import apply
from gaitbridge.service.state import State

LOOK_S = 10.0
NAME = "retention"


def run(state: State, stop: threading.Event) -> None:
    """Look every some seconds until the service ends; first of all what a killed process had begun is carried on."""
    acting.set(NAME)
    sweep(state.folder)  # an export that a kill cut off
    while not stop.is_set():
        apply(state)
        state.failing.pop(NAME, None)
        stop.wait(LOOK_S)
