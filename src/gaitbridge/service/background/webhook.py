"""Events posted to a web address, in order, each until it is taken; signed where there is a secret (`service.webhook`)."""

import threading

from gaitbridge.service.events import Events
from gaitbridge.service.state import State
from gaitbridge.service.webhook import Webhook

LOOK_S = 0.5
NAME = "webhook"


def run(state: State, stop: threading.Event) -> None:
    """Post until the service ends; nothing where no address is set."""
    if not state.settings.webhook:
        stop.wait()
        return
    with Webhook(state.settings.webhook, Events(state), state.folder / "hook.json") as hook:
        while not stop.wait(LOOK_S):
            if hook.broken is not None:
                raise hook.broken
            hook.tell()
