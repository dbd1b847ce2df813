"""What a running service holds: one gallery, its network loaded once, its own database and folder."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from gaitbridge.config import Config, Share, Whole
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.inference.session import Model
from gaitbridge.names import canonical
from gaitbridge.service.admission import Access
from gaitbridge.service.database import Database
from gaitbridge.service.kept import Kept
from gaitbridge.service.keys import Keys
from gaitbridge.service.metrics import Metrics
from gaitbridge.service.sessions import Sessions
from gaitbridge.walks import FLOOR

MIB = 2**20


class ServiceSettings(Config):
    """How a service answers, and what it takes in."""

    reject: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """How often somebody who is not enrolled may be given a name."""
    least_quality: Share = FLOOR
    """Walks of less quality are not judged."""
    site: str = ""
    """Name of the place, where a recording does not say it; held against what was calibrated on."""
    people: Literal["auto", "movement", "learnt"] = "auto"
    """How people are found in films."""
    upload_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Most that a recording may have."""
    waiting: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Recordings that may wait at once."""
    stall_s: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    """Reading a recording is given up where it does not go on for so long."""
    memory_mb: Annotated[float, Field(ge=100, le=1e7)] = 4000.0
    """Memory that reading one may take."""
    keep_days: Whole = 30
    """So long uploads, pictures and answers are kept; 0 keeps nothing beyond the answer's day."""
    unknown_days: Annotated[int, Field(ge=1, le=36_500)] = 7
    """So long it is kept what walks of nobody looked like, to be named."""
    webhook: str = ""
    """Answers are posted to this address."""


class Queue:
    """What threads tell one another of recordings: that one has come, how far the one that is read is, and which are to be given up."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.progress: dict[str, tuple[int, int, str]] = {}  # by job: done, of how many, what is done
        self.given_up: set[str] = set()


class State:
    """One service's. gallery: open; model: its network; folder: its own, held by one service at a time (`files.alone`)."""

    def __init__(self, gallery: Gallery, model: Model, folder: Path, settings: ServiceSettings | None = None) -> None:
        self.gallery, self.model, self.folder = gallery, model, folder
        self.settings = settings or ServiceSettings()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.database = Database(folder / "service.db")
        self.access = Access(Keys(self.database), Sessions(self.database))
        self.kept = Kept(folder)
        self.metrics = Metrics()
        self.queue = Queue()
        self.started_s = time.time()
        self.large = asyncio.Semaphore(2)  # questions that take much memory while they are read
        self.embedding = threading.Lock()  # a network uses all processors for one walk: two at once would only wait for each other
        self.putting_right = threading.Lock()  # held while the gallery and the answers are changed together
        self.looked_at: Any = None  # the gallery's version when retention last looked through all evidence
        self.failing: dict[str, str] = {}  # work beside the requests that failed last time, and why

    def for_clients(self, text: str) -> str:
        """Words without the places of this machine, which are no client's business: they say GALLERY and STATE instead."""
        places = ((str(self.folder), "STATE"), (self.gallery.place, "GALLERY"))  # the folder may lie in the gallery's
        for place, word in places:
            if place.startswith("/") or "://" in place:
                text = text.replace(place, word)
        return text

    @property
    def site(self) -> str:
        """The place where recordings are from that do not say it, in its one spelling."""
        return canonical(self.settings.site) if self.settings.site else ""
