"""Conditions: what a walker wears, carries or passes behind; one file a condition, named as in SUSTech1K.

A module here offers `dress(body, rest, clothes, random) -> Outfit` of a take. `clothes` is what the person has to wear (`Clothes`), and a
condition comes on top of it. Everything is geometry that both sensors see, so that no sensor is told the condition in any other way; only
`night` differs, which is a matter of light and so of the camera.

Legend: T frames, D frames of the dense trace, J joints, V vertices of the body, V' and F' of a prop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from gaitbridge.simulation.body import Body, Rest

TRACE_HZ = 60.0  # what hangs or swings is integrated at this rate, however few frames the sensors take
TRACE_LEAD_S = 1.0  # and from this long before the first frame, so that it has forgotten its start
REFLECTIVITY = 0.3  # of what has none of its own
BELONGINGS = ("person", "bag", "carried", "scene")


@dataclass(frozen=True)
class Frames:
    """T frames of a skeleton as props see it.

    time_s [T]; turns [T, J, 3, 3]: how far each bone is turned in the world from its rest pose; joints_m [T, J, 3].
    """

    time_s: np.ndarray
    turns: np.ndarray
    joints_m: np.ndarray


@dataclass(frozen=True)
class Prop:
    """A separate mesh: `vertices_m(now, trace) -> [T, V', 3]` in the world, `triangles` int32 [F', 3].

    `now` holds the frames asked for, `trace` the walk densely (TRACE_HZ) around them, for what follows with a lag.
    belongs, of BELONGINGS: "person" (clothes, hair), "bag" (worn on the body), "carried" (umbrella, suitcase, box), "scene" (an occluder).
    All but the scene shows in range views; which of them a silhouette shows is up to the segmenter.
    reflectivity: the share of a LiDAR's light that comes back.
    `part` is what they count as among conventions.BODY_PARTS.
    """

    vertices_m: Callable[[Frames, Frames], np.ndarray]
    triangles: np.ndarray
    belongs: str = "person"
    part: str = "object"
    reflectivity: float = REFLECTIVITY


@dataclass(frozen=True)
class ArmHold:
    """How an arm is held: unit directions of upper arm and forearm in the frame of the trunk (x forward, y left, z up) at rest.

    `swing` is the share of the walk's own arm swing that stays, 0 (rigid) to 1.
    """

    upper: tuple[float, float, float]
    fore: tuple[float, float, float]
    swing: float = 0.15


@dataclass(frozen=True)
class Outfit:
    """Clothes as an offset along the normals, float32 [V] metres, and props. `night` degrades the camera only.

    `reflectivity`: of skin and clothes by vertex, float32 [V]; None: REFLECTIVITY everywhere. Props of the scene come last.
    `arm_carry` says which arms ("left", "right") are held to carry, and how: the scene bends them and damps their swing.
    `folds_m`, float32 [V]: how much farther out cloth is where the left leg is ahead, and nearer where the right one is.
    `lift_m`: by how much soles raise the person. `heel_rad`: by how much heels tip the feet, toes down.
    `arms_out_rad`: by how much thick sleeves push the arms aside.
    `outer`: the rest pose with the clothes on, against which bags lie; None: the bare one.
    """

    inflate_m: np.ndarray
    props: tuple[Prop, ...] = ()
    night: bool = False
    reflectivity: np.ndarray | None = None
    arm_carry: Mapping[str, ArmHold] = field(default_factory=dict)
    folds_m: np.ndarray | None = None
    lift_m: float = 0.0
    heel_rad: float = 0.0
    arms_out_rad: float = 0.0
    outer: Rest | None = None

    def with_props(self, *props: Prop, arm_carry: Mapping[str, ArmHold] | None = None) -> "Outfit":
        """This outfit and what comes on top of it."""
        return replace(self, props=(*self.props, *props), arm_carry=arm_carry or self.arm_carry)


class Clothes(Protocol):
    """What a person has to wear. `random` is the take's own stream; what does not change from take to take is not drawn from it.
    `version`, of the simulator: in its first one, what is held and what stands about has other sizes."""

    version: int

    def everyday(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """What is worn in most takes."""
        ...

    def other(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """Another outfit, of the condition `clothing`."""
        ...

    def uniform(self, body: Body, rest: Rest) -> Outfit:
        """The jacket and trousers that are the same on everybody."""
        ...


Dress = Callable[[Body, Rest, Clothes, np.random.Generator], Outfit]
