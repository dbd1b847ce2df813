"""What a gallery's thresholds are, how often they are wrong, on what that was measured, and whether that is what is asked with here."""

from typing import Any

from gaitbridge.gallery.decision import Direction
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.strangers import Stated
from gaitbridge.service.pages.trade_off import figure, words
from gaitbridge.service.state import State

MOST_SIZES = 4  # of galleries, in a table: the largest


def shown_thresholds(state: State) -> dict[str, Any]:
    """The values of the template thresholds.html."""
    calibration = state.gallery.calibration()
    if calibration is None:
        return {"calibration": None}
    asked = Kind(kind="captured", sites=(state.site,) if state.site else ())
    directions = [{"words": words(one), "direction": one, "stated": _stated(one)} for one in calibration.directions]
    return {"calibration": calibration, "figure": figure(calibration), "directions": directions, "asked": asked,
            "doubts": calibration.warnings(asked)}


def _stated(direction: Direction) -> list[tuple[int, int, Stated]]:
    """Walks taken together, people enrolled, and the rates stated for them."""
    return [(one.walks, size.people, stated) for one in direction.strangers for size in one.sizes[-MOST_SIZES:] for stated in size.stated]
