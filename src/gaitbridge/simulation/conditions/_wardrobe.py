"""What people wear and how their hair is: drawn, by sex, age and build.

The tables come first, since the simulator is calibrated by them. Lengths are in metres; `reach` and `length` count joints: 0 the shoulder or
the hip, 1 the elbow or the knee, 2 the wrist or the ankle.
"""

from dataclasses import dataclass, replace

import numpy as np

from gaitbridge.simulation.body import Body, Shape

Ranges = dict[str, tuple[tuple[float, float], ...]]

WIDER = 1.25  # all cloth's thickness is multiplied by this
# Of tops: share of men's and women's everyday, thickness on the trunk, of the sleeves, sleeve's reach, hem's length below the hip, flare of the hem.
TOPS: Ranges = {
    "t-shirt": ((0.42, 0.40), (0.015, 0.021), (0.016, 0.022), (0.50, 0.85), (0.10, 0.24), (0.00, 0.02)),
    "shirt": ((0.40, 0.40), (0.015, 0.021), (0.012, 0.017), (1.80, 2.00), (0.12, 0.26), (0.00, 0.02)),
    "hoodie": ((0.12, 0.12), (0.020, 0.032), (0.018, 0.030), (1.85, 2.05), (0.10, 0.28), (-0.01, 0.01)),
    "jacket": ((0.05, 0.06), (0.024, 0.042), (0.018, 0.032), (1.90, 2.05), (0.10, 0.40), (0.00, 0.02)),
    "coat": ((0.01, 0.02), (0.026, 0.046), (0.020, 0.034), (1.90, 2.05), (0.60, 1.15), (0.02, 0.07)),
}
SPANS = {"t-shirt": 0.5, "shirt": 0.7, "hoodie": 1.0, "jacket": 1.2, "coat": 1.2}  # of the body's hollows
OTHER_TOPS = {"t-shirt": 0.10, "shirt": 0.12, "hoodie": 0.22, "jacket": 0.30, "coat": 0.26}  # of the condition `clothing`
OTHER_BOTTOMS = 0.35  # how often `clothing` is another pair of trousers too
# Of trousers: men's and women's share, thickness on the thigh, at the ankle; skirts: length, flare.
BOTTOMS: Ranges = {
    "slim": ((0.34, 0.46), (0.006, 0.010), (0.007, 0.011)),
    "straight": ((0.60, 0.36), (0.011, 0.017), (0.015, 0.023)),
    "wide": ((0.06, 0.08), (0.018, 0.030), (0.034, 0.060)),
}
SKIRT_SHARE, DRESS_SHARE = 0.06, 0.02  # of women's
SKIRT_LENGTH, SKIRT_FLARE = (0.65, 1.55), (0.02, 0.10)
SOLE = (0.012, 0.040)
HEELS_SHARE, HEEL = 0.14, (0.035, 0.075)  # of women
BOOTS_SHARE = (0.14, 0.24)
# Of hair: men's and women's share, volume at the skull.
HAIR: Ranges = {
    "bald": ((0.12, 0.00), (0.001, 0.004)),
    "short": ((0.52, 0.14), (0.008, 0.022)),
    "full": ((0.16, 0.14), (0.022, 0.042)),
    "long": ((0.03, 0.36), (0.014, 0.032)),
    "tied": ((0.04, 0.28), (0.008, 0.016)),
    "cap": ((0.09, 0.05), (0.012, 0.022)),
    "hood": ((0.04, 0.03), (0.022, 0.040)),
}
SHADES = ((0.40, (0.04, 0.10)), (0.40, (0.20, 0.40)), (0.20, (0.50, 0.80)))  # cloth: share, and what it gives back of a LiDAR's light
SKIN, HAIR_SHADE = (0.40, 0.60), (0.05, 0.30)
FOLDS = (0.003, 0.009)  # amplitude of folds where cloth is 2 cm thick
MOVING_FOLDS = 0.6  # of them, how much moves with the stride


@dataclass(frozen=True)
class Top:
    """A garment of the trunk. `shade` is its reflectivity, `folds` the seed of its folds."""

    kind: str
    thick: float
    sleeve: float
    reach: float
    hem: float
    flare: float
    delay_s: float
    collar: float
    shade: float
    fold: float
    folds: int

    @property
    def spans(self) -> float:
        """How much of the body's hollows the garment spans."""
        return SPANS[self.kind]


@dataclass(frozen=True)
class Bottom:
    """Trousers: thickness on the thigh and at the ankle; a skirt: thickness of tights, and how long and wide it is."""

    kind: str
    thigh: float
    ankle: float
    length: float
    flare: float
    shade: float
    fold: float
    folds: int


@dataclass(frozen=True)
class Shoes:
    """Soles under the ball of the foot, how much higher heels are, how far boots reach (2 the ankle), what is about the foot."""

    sole: float
    heel: float
    reach: float
    thick: float
    shade: float


@dataclass(frozen=True)
class Hair:
    """Hair or what covers it; `tail`: none, bun, ponytail, curtain; hood: worn down on the back."""

    kind: str
    volume: float
    tail: str
    length: float
    width: float
    shade: float
    skin: float


@dataclass(frozen=True)
class Worn:
    """All that somebody wears at once."""

    top: Top
    bottom: Bottom
    shoes: Shoes
    hair: Hair


UNIFORM_TOP = Top("shirt", 0.021, 0.017, 1.90, 0.20, 0.008, 0.08, 0.012, 0.08, 0.006, 1)
UNIFORM_BOTTOM = Bottom("straight", 0.015, 0.022, 0.0, 0.0, 0.08, 0.005, 2)


@dataclass(frozen=True)
class Owner:
    """Of a person what their clothes go by, each 0 to 1: woman or not, age (0.67 is 25 years), weight."""

    woman: bool
    age: float
    weight: float


def owner_of(body: Body, shape: Shape) -> Owner:
    """From the shape's own numbers; somebody in between where a body has none."""
    known = dict(zip(body.shape_names, shape.values.tolist(), strict=True))
    return Owner(known.get("gender", 0.0) > 0.5, known.get("age", 0.75), known.get("weight", 0.6))


def between(random: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number within limits."""
    return float(random.uniform(*limits))


def shade(random: np.random.Generator) -> float:
    """Reflectivity of cloth: dark, middle or bright."""
    return between(random, SHADES[_one(random, [share for share, _ in SHADES])][1])


def _one(random: np.random.Generator, shares: list[float]) -> int:
    """One of some, by shares of any sum."""
    return int(np.searchsorted(np.cumsum(shares) / np.sum(shares), random.random(), side="right"))


def top(random: np.random.Generator, owner: Owner, shares: list[float] | None = None) -> Top:
    """A top; older people more often wear shirts, jackets and coats, heavy ones looser ones."""
    if shares is None:
        old = float(np.clip((owner.age - 0.67) / 0.25, 0, 1))
        shares = [row[0][int(owner.woman)] * (1.3 - 0.6 * old if kind in ("t-shirt", "hoodie") else 0.7 + 0.6 * old) for kind, row in TOPS.items()]
    kind = list(TOPS)[_one(random, shares)]
    _, thick, sleeve, reach, hem, flare = TOPS[kind]
    looser = WIDER * (0.9 + 0.2 * owner.weight)
    collar = {"t-shirt": 0.001, "shirt": 0.006, "hoodie": 0.022, "jacket": 0.014, "coat": 0.018}[kind]
    return Top(
        kind, looser * between(random, thick), looser * between(random, sleeve), between(random, reach), between(random, hem),
        between(random, flare), between(random, (0.05, 0.14)), collar, shade(random), between(random, FOLDS), int(random.integers(2**31)),
    )  # fmt: skip


def bottom(random: np.random.Generator, owner: Owner) -> Bottom:
    """Trousers, or a skirt or dress of some women's."""
    skirted = random.random()
    kind = list(BOTTOMS)[_one(random, [row[0][int(owner.woman)] for row in BOTTOMS.values()])]
    _, thigh, ankle = BOTTOMS[kind]
    length, flare = between(random, SKIRT_LENGTH), between(random, SKIRT_FLARE)
    thickness = WIDER * between(random, thigh), WIDER * between(random, ankle)
    if owner.woman and skirted < SKIRT_SHARE + DRESS_SHARE:
        kind, thickness = "skirt" if skirted < SKIRT_SHARE else "dress", (0.001, 0.001)
    return Bottom(kind, *thickness, length, flare, shade(random), between(random, FOLDS), int(random.integers(2**31)))


def shoes(random: np.random.Generator, owner: Owner) -> Shoes:
    """Shoes, heels of some women's, boots."""
    heels, boots = random.random() < HEELS_SHARE, random.random() < BOOTS_SHARE[int(owner.woman)]
    sole, heel, reach = between(random, SOLE), between(random, HEEL), between(random, (1.5, 1.8))
    thick, colour = between(random, (0.006, 0.014)), shade(random)
    if owner.woman and heels:
        return Shoes(0.4 * sole, heel, reach if boots else 2.0, 0.5 * thick, colour)
    return Shoes(sole, 0.0, reach if boots else 2.0, thick, colour)


def hair(random: np.random.Generator, owner: Owner) -> Hair:
    """A person's hair; men lose it with age."""
    old = float(np.clip((owner.age - 0.67) / 0.25, 0, 1))
    shares = [row[0][int(owner.woman)] * (0.4 + 1.2 * old if kind == "bald" else 1.0) for kind, row in HAIR.items()]
    kind = list(HAIR)[_one(random, shares)]
    tail = {"long": "curtain", "tied": ("bun", "ponytail")[int(random.random() < 0.6)]}.get(kind, "")
    length, width = between(random, (0.16, 0.42)), between(random, (0.15, 0.20))
    return Hair(kind, between(random, HAIR[kind][1]), tail, length, width, between(random, HAIR_SHADE), between(random, SKIN))


def restyled(random: np.random.Generator, old: Hair) -> Hair:
    """The same hair on another day: long hair loose or tied."""
    turn, tied = random.random(), random.random()
    if old.kind not in ("long", "tied") or turn < 0.5:
        return old
    if old.kind == "long":
        return replace(old, kind="tied", volume=0.5 * old.volume, tail=("bun", "ponytail")[int(tied < 0.6)])
    return replace(old, kind="long", volume=2.0 * old.volume, tail="curtain")
