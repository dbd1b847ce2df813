"""People by a user's own ONNX model (`onnx_model`), for moving cameras and crowds."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gaitbridge.capture.video.background import Background
from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.finders import Expected, boxes_of
from gaitbridge.capture.video.onnx_model import PeopleModel
from gaitbridge.capture.video.people import Person, cleaned, people_in
from gaitbridge.capture.video.settings import Settings


class OwnModel:
    """See `Finder`. A model that gives boxes alone needs the empty scene, and so a camera that stands still."""

    apart = False

    def __init__(self, settings: Settings) -> None:
        assert settings.model_path is not None
        self.least_height = settings.min_height_px
        self.model = PeopleModel(settings.model_path, settings.model_class)
        self.background = Background(settings.background, settings.memory_s) if self.model.detects_only else None
        self.learns = self.background is not None
        self.moves = not self.learns
        self.notes: Counter[str] = Counter()

    def learn(self, pictures: Iterator[Picture]) -> int:
        """The empty scene, where it is needed."""
        return self.background.learn(pictures) if self.background is not None else 0

    def people(self, picture: Picture, expected: Sequence[Expected], camera: Camera) -> list[Person] | None:
        """The bodies in the model's one mask of all, or the largest in each of several."""
        if camera.moves and self.background is not None:
            return None
        masks = self.model.masks(picture, self.background)
        if masks is None:
            return None
        found = [people_in(cleaned(mask), self.least_height, boxes_of(expected)) for mask in masks]
        if len(masks) == 1:
            return found[0]
        return [max(persons, key=lambda person: person.area) for persons in found if persons]
