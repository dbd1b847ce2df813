"""People by movement: what differs from the empty scene. The camera stands still; people who touch are found as one."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gaitbridge.capture.video.background import Background
from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.finders import Expected, boxes_of
from gaitbridge.capture.video.people import Person, cleaned, people_in
from gaitbridge.capture.video.settings import Settings


class Movement:
    """See `Finder`."""

    learns, apart, moves = True, False, False

    def __init__(self, settings: Settings) -> None:
        self.least_height = settings.min_height_px
        self.background = Background(settings.background, settings.memory_s)
        self.notes: Counter[str] = Counter()

    def learn(self, pictures: Iterator[Picture]) -> int:
        """The empty scene."""
        return self.background.learn(pictures)

    def people(self, picture: Picture, expected: Sequence[Expected], camera: Camera) -> list[Person] | None:
        """Bodies that move; parts within a box where somebody is expected are one body."""
        if camera.moves:
            return None
        mask = self.background.mask(picture)
        return None if mask is None else people_in(cleaned(mask), self.least_height, boxes_of(expected))
