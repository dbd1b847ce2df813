"""A camera's silhouettes as a learnt segmenter gives them: the mask of the person, smooth, with errors that stay and errors of the moment.

What stays: `site_errors` draws offsets of the outline from the site (the segmenter's own bias, the background of each view) and from the
person there (build and hair; clothes and how they part from the background), the same in all takes. What is of the moment is drawn for each
sequence. Both are fields of signed offsets in pixels at the knots of a coarse grid, so that all of it is one blur, one sum and one cut.
Fitted to learnt masks by benchmarks/realism.py.
"""

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import PERSON, stream
from gaitbridge.simulation.sensors._pieces import bridged, wide_parts, without_slivers, without_specks
from gaitbridge.simulation.sensors._soft_masks import KNOTS, PAD, in_time, outlined, spread

# What the errors are, in pixels of 64 x 44 at level 1, standard deviations where not said otherwise
#                 crown head  neck  chest waist hips  thigh knee  shin  sole
BUILD = np.array([0.06, 0.06, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.04])  # of the person at a site, in all clothes: hair too
GARMENT = np.array([0.02, 0.02, 0.04, 0.05, 0.05, 0.06, 0.06, 0.05, 0.06, 0.08])  # of a person's outfit at a site, from all sides
SITE = np.array([0.25, 0.14, 0.14, 0.14, 0.14, 0.18, 0.18, 0.18, 0.23, 0.38])  # of the segmenter, with everybody
BACKGROUND, LIGHT = 0.23, 0.05  # of a view at a site: with everybody there; with one person in one outfit there
BLURRED, ROUNDNESS = 0.70, (0.15, 0.08)  # shares of blur and, in it, of a wide one: mean of the segmenters, and between them
SHAFT_PX = 5  # what is carried before the body and is as narrow as this, as an umbrella's shaft, cuts nothing out
LEG_PX = 5  # what goes on behind it is as wide as this
SHADOW_PX = 6.0  # how far a shadow beside the feet reaches
BAG = (0.5, 0.35, 0.25, 0.3)  # how far a bag counts as the person: mean; between sites and bags, views, parts of it
SEQUENCE, FRAME, HOLD_S = 0.08, 0.22, 0.08  # of the moment: of a sequence; of a frame, alike for HOLD_S
GRAIN, GRAIN_HOLD_S, GRAIN_KNOTS = 0.36, 0.05, (22, 15)  # of a frame, finely
JITTER, JITTER_HOLD_S = 0.17, 0.05  # by which the crop's top, bottom and middle are off
# Events: how many begin in a second, by how much they move an outline, their reach in height (from, to) and width, and from which
# row on. By day a foot, a hand or a lower leg is lost; by night more.
EVENTS = {
    "lost": (0.10, -4.0, (2.5, 5.5), 3.5, 31.0),
    "lost by night": (0.10, -4.0, (8.4, 8.4), 8.8, 35.0),
    "leak": (0.06, 4.0, (8.4, 8.4), 8.8, 52.0),
}
EVENT_S = 0.3  # how long they last
# By night, besides: how much less than the background the body is seen, what of it is seen stays for hold_s
NIGHT = {"mean": -1.0, "frame": 1.4, "sequence": 1.0, "hold_s": 0.25, "jitter": 0.6}

NOTHING, OF_PERSON, OF_BAG, CARRIED = range(4)  # classes of a pixel; what is of the scene is nothing
CLASS_OF_BELONGING = np.array([OF_PERSON, OF_BAG, CARRIED, NOTHING], np.uint8)  # by place in conditions.BELONGINGS


@dataclass(frozen=True)
class SiteErrors:
    """What stays, for N views.

    offsets_px: float32 [N, K, L], outwards positive. roundness: see `soft_edges`. bag: float32 [N, K, L], how far a bag counts as the person.
    shadow_px: [N], how far shadows reach, to the right or, negative, to the left.
    """

    offsets_px: np.ndarray
    roundness: float
    bag: np.ndarray
    shadow_px: np.ndarray


def site_errors(
    seed: int, site: int, person: str, garment: str, things: str, views: list[str], views_deg: list[float]
) -> SiteErrors:
    """The errors of one person in one outfit before all views of a site. garment: the outfit's name; things: that of what is carried.

    Outlines at opposite sides of a person are mirrored: what a view sees at its left, the opposite one sees at its right.
    """
    of_site = stream(seed, "segmenter", site)
    common = SITE * _profile(of_site)
    roundness = ROUNDNESS[0] + ROUNDNESS[1] * float(of_site.standard_normal())
    bag_of_site = float(of_site.standard_normal())
    around = BUILD[:, None] * _around(stream(seed, "segmenter", site, person, "build"))
    around += GARMENT[:, None] * _around(stream(seed, "segmenter", site, person, "garment", garment))
    across = np.linspace(0, 1, KNOTS[1])
    offsets, bags, shadows = [], [], []
    thing = float(stream(seed, "segmenter", site, person, "bag", things).standard_normal())
    for view, degrees in zip(views, views_deg, strict=True):
        left, right = (around @ _harmonics(degrees + turn) for turn in (-90, 90))  # the view's right is the walker's left where they walk towards it
        own = common[:, None] + left[:, None] * (1 - across) + right[:, None] * across
        behind = stream(seed, "segmenter", site, "background", view)
        own = own + BACKGROUND * behind.standard_normal(KNOTS)
        shadows.append(SHADOW_PX * behind.standard_normal())
        offsets.append(own + LIGHT * stream(seed, "segmenter", site, person, "light", garment, view).standard_normal(KNOTS))
        random = stream(seed, "segmenter", site, person, "bag", things, view)
        bags.append(BAG[0] + BAG[1] * (bag_of_site + thing) / np.sqrt(2) + BAG[2] * random.standard_normal() + BAG[3] * random.standard_normal(KNOTS))
    return SiteErrors(np.asarray(offsets, np.float32), float(np.clip(roundness, 0, 1)), np.asarray(bags, np.float32), np.asarray(shadows))


def _profile(random: np.random.Generator, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Unit noise over the body's height [K, ...], a little alike from knot to knot."""
    white = random.standard_normal((KNOTS[0] + 1, *shape))
    found: np.ndarray = (white[1:] + 0.6 * white[:-1]) / np.sqrt(1.36)
    return found


def _around(random: np.random.Generator) -> np.ndarray:
    """Unit noise over height and azimuth, as weights [K, 5] of `_harmonics`."""
    return _profile(random, (5,)) * np.sqrt([0.5, 0.3, 0.3, 0.2, 0.2])


def _harmonics(degrees: float) -> np.ndarray:
    """1, cos, sin, cos 2, sin 2 of an azimuth: [5]."""
    angle = np.deg2rad(degrees)
    return np.array([1.0, np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


def segmented(
    classes: np.ndarray, errors: SiteErrors, random: np.random.Generator, level: float = 1.0, night: bool = False, rate_hz: float = 10.0,
    person: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Silhouettes of N views of a take as a learnt segmenter would give them: uint8 [N, T, H, W] of 0 and 255.

    classes: uint8 [N, T, H, W] of NOTHING, OF_PERSON, OF_BAG and CARRIED, aligned by the person. level scales all errors, 0 gives the clean
    mask of `people`, which is `person` where it is known. Frames in which the person does not show stay empty. Raises ValueError for a
    negative level.
    """
    if level < 0:
        raise ValueError(f"a level of degradation is not negative: {level}")
    views, frames, height, width = classes.shape
    person = people(classes) if person is None else person
    if level == 0 or not classes.size:
        return np.where(person, np.uint8(PERSON), np.uint8(0))
    weights = _with_bags(classes, person, errors.bag)
    grid = errors.offsets_px[:, None] + _moment(random, views, frames, rate_hz)
    fine = GRAIN * in_time(random, (views, *GRAIN_KNOTS), frames, GRAIN_HOLD_S * rate_hz)
    fine += _events(random, views, frames, rate_hz, (height, width), night)
    jitter = JITTER * in_time(random, (views, 3), frames, JITTER_HOLD_S * rate_hz)
    if night:
        grid += dark(random, views, frames, rate_hz)
        jitter += NIGHT["jitter"] * in_time(random, (views, 3), frames, JITTER_HOLD_S * rate_hz)
    grids = [np.float32(level) * one.reshape(-1, *one.shape[2:]) for one in (grid, fine)]
    flat, seen = weights.reshape(-1, height, width), person.any((2, 3)).ravel()
    found = outlined(flat, errors.roundness, min(level, 1.0) * BLURRED, grids, level * jitter.reshape(-1, 3), seen).reshape(classes.shape)
    return found if night else without_specks(found)


def _moment(random: np.random.Generator, views: int, frames: int, rate_hz: float) -> np.ndarray:
    """Offsets of the moment [N, T, K, L]: of each sequence and of its frames."""
    found = FRAME * in_time(random, (views, *KNOTS), frames, HOLD_S * rate_hz)
    found += SEQUENCE * random.standard_normal((views, 1, *KNOTS), dtype=np.float32)
    return found


def _events(random: np.random.Generator, views: int, frames: int, rate_hz: float, size: tuple[int, int], night: bool) -> np.ndarray:
    """Offsets [N, T, *GRAIN_KNOTS] of rare moments that last: a part that is lost, something that leaks in. size: H, W of a silhouette."""
    found = np.zeros((views, frames, *GRAIN_KNOTS), np.float32)
    rows, columns = (np.linspace(0, pixels - 1, knots) for pixels, knots in zip(size, GRAIN_KNOTS, strict=True))
    for name in ("lost by night" if night else "lost", "leak"):
        rate_s, offset, high, wide, first = EVENTS[name]
        for view, start in np.argwhere(random.random((views, frames)) < rate_s / rate_hz):
            length, tall = 1 + int(random.exponential(EVENT_S * rate_hz)), random.uniform(*high)
            row, column = random.uniform(first, size[0]), random.uniform(0.1, 0.9) * size[1]
            bump = np.exp(-(((rows[:, None] - row) / tall) ** 2) - ((columns - column) / wide) ** 2)
            found[view, start : start + length] += np.float32(offset) * bump.astype(np.float32)
    return found


def dark(random: np.random.Generator, views: int, frames: int, rate_hz: float) -> np.ndarray:
    """Offsets of the night [N, T, K, L]: where body and background look alike the body is not seen, elsewhere the background is."""
    found = NIGHT["frame"] * in_time(random, (views, *KNOTS), frames, NIGHT["hold_s"] * rate_hz)
    found += NIGHT["sequence"] * random.standard_normal((views, 1, *KNOTS), dtype=np.float32) + NIGHT["mean"]
    return np.asarray(found, np.float32)


def people(classes: np.ndarray) -> np.ndarray:
    """The clean mask of the person, bool [N, T, H, W]: with what of a bag lies between two parts of the body, and with what of a carried thing
    lies before the body; without slivers beside what is left out, and without specks.
    """
    person, bag, carried = classes == OF_PERSON, classes == OF_BAG, classes == CARRIED
    if not bag.any() and not carried.any():
        return without_specks(person)
    enclosed, core = np.zeros_like(person), without_slivers(person, bag | carried)
    if bag.any():
        for axis in (2, 3):
            before = np.logical_or.accumulate(core, axis)
            after = np.flip(np.logical_or.accumulate(np.flip(core, axis), axis), axis)
            enclosed |= before & after
        enclosed &= bag
    if carried.any():  # the body goes on behind what has it above and below; what stands out of the outline stays out
        behind = bridged(core, carried, 2, classes.shape[2])
        behind &= wide_parts(core | behind, LEG_PX)
        enclosed |= behind | bridged(core, carried, 3, SHAFT_PX)
    return without_specks(without_slivers(person | enclosed, (bag | carried) & ~enclosed))


def _with_bags(classes: np.ndarray, person: np.ndarray, share: np.ndarray) -> np.ndarray:
    """How far each pixel counts as the person [N, T, H, W]: 0 to 1, bool where nobody wears a bag."""
    outside = (classes == OF_BAG) & ~person
    if not outside.any():
        return person
    counts = np.clip(spread(share, *classes.shape[2:])[:, None, PAD:-PAD, PAD:-PAD], 0, 1)
    found: np.ndarray = np.where(outside, counts, person).astype(np.float32)
    return found
