"""Clothes put on a body: what somebody wears (`_wardrobe.Worn`) as an `Outfit`, offsets along the normals and tubes where an offset will not do.

Legend: V vertices of the body.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from gaitbridge.simulation.body import Body, Rest, Shape
from gaitbridge.simulation.conditions import Outfit, Prop
from gaitbridge.simulation.conditions import _wardrobe as wardrobe
from gaitbridge.simulation.conditions._clothes import soften
from gaitbridge.simulation.conditions._frames import joint
from gaitbridge.simulation.conditions._hair import fixed_prop, hair_props, scalp
from gaitbridge.simulation.conditions._hems import WAIST_M, Hem, hem, trouser_leg
from gaitbridge.simulation.conditions._meshes import super_ellipsoid
from gaitbridge.simulation.conditions._places import Places, places
from gaitbridge.simulation.conditions._wardrobe import Bottom, Owner, Shoes, Top, Worn

UNDER_M = 0.004  # a hem begins this far inside of the cloth that it hangs from, so that no gap shows
FULL_FOLDS_M = 0.02  # cloth of this thickness has its whole folds
OVERLAP_M = 0.025  # a skirt begins this far above the hem that covers its waist
TUCKED = -0.1  # the hem of a top that is within a skirt
AROUND = 18  # vertices about a hem
SKIRT_DELAY_S = 0.09  # a skirt falls back this late
HEEL_TO_BALL_M = 0.19  # of a foot
TOE_ROOM_M = 0.012  # shoes are longer than feet
SPANNED_RINGS, MOST_SPANNED_M = 12, 0.04  # hollows of about this many edges of the mesh are spanned by cloth, this deep at most
SNUG_M, ARM_M, MOST_OUT_RAD = 0.045, 0.75, 0.08  # sleeves and trunk of this thickness leave the arms where they are; what is more pushes them
CLOSED_LEG_M = 0.030  # trousers wider than this at the ankle are tubes about the shin


@dataclass(frozen=True)
class Wardrobe:
    """What a person wears in a session; see `Clothes`."""

    version = 2

    owner: Owner
    worn: Worn
    _made: list[tuple[Rest, Outfit]] = field(default_factory=list, compare=False)

    @classmethod
    def drawn(cls, body: Body, shape: Shape, of_person: np.random.Generator, of_session: np.random.Generator) -> "Wardrobe":
        """Hair is the person's and tied or loose in a session; all else is the session's."""
        owner = wardrobe.owner_of(body, shape)
        hair = wardrobe.hair(of_person, owner)
        top, bottom, shoes = wardrobe.top(of_session, owner), wardrobe.bottom(of_session, owner), wardrobe.shoes(of_session, owner)
        return cls(owner, Worn(top, bottom, shoes, wardrobe.restyled(of_session, hair)))

    def everyday(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """What is worn in this session; nothing is drawn, and it is put on once."""
        if not self._made or self._made[0][0] is not rest:
            self._made[:] = [(rest, dressed(body, rest, self.worn))]
        return self._made[0][1]

    def other(self, body: Body, rest: Rest, random: np.random.Generator) -> Outfit:
        """Another top, mostly warmer, and at times other trousers; hair and shoes stay."""
        top = wardrobe.top(random, self.owner, list(wardrobe.OTHER_TOPS.values()))
        anew, bottom = random.random(), wardrobe.bottom(random, self.owner)
        return dressed(body, rest, replace(self.worn, top=top, bottom=bottom if anew < wardrobe.OTHER_BOTTOMS else self.worn.bottom))

    def uniform(self, body: Body, rest: Rest) -> Outfit:
        """The same jacket and trousers on everybody; hair and shoes are their own."""
        return dressed(body, rest, replace(self.worn, top=wardrobe.UNIFORM_TOP, bottom=wardrobe.UNIFORM_BOTTOM))


def dressed(body: Body, rest: Rest, worn: Worn) -> Outfit:
    """The outfit of what is worn."""
    where = places(body, rest)
    worn = matched(worn)
    of_top, of_bottom, on_head = top_m(worn.top, where), bottom_m(worn.bottom, where), scalp(worn.hair, where)
    of_shoes = np.where(where.leg > max(worn.shoes.reach, 1.0), worn.shoes.thick, 0.0)
    hollow = np.minimum(worn.top.spans * hollows_m(body, rest, where), MOST_SPANNED_M) * (of_top > 0.5 * worn.top.thick)
    cloth = soften(body) @ (of_top + hollow + np.maximum(of_bottom, of_shoes) + worn.hair.volume * on_head)
    static = cloth + folds_m(worn.top, of_top, rest, 0) + folds_m(worn.bottom, of_bottom, rest, 0)
    moving = wardrobe.MOVING_FOLDS * (folds_m(worn.top, of_top, rest, 1) + folds_m(worn.bottom, of_bottom, rest, 1))
    inflate, lift, tip = on_shoes(body, rest, worn.shoes, where, static)
    outer = replace(rest, vertices_m=(rest.vertices_m + inflate[:, None] * where.normals).astype(np.float32))
    reflectivity = np.full(len(cloth), worn.hair.skin)
    shoes = (of_shoes > 0) & (where.leg >= (2.0 if worn.bottom.ankle > CLOSED_LEG_M else 0.0))  # wide trousers are over boots
    for covered, shade in ((of_bottom > 0.003, worn.bottom.shade), (shoes, worn.shoes.shade), (of_top > 0.003, worn.top.shade)):
        reflectivity[covered] = shade
    reflectivity[on_head > 0.5] = worn.hair.shade
    props = (*tubes(body, outer, worn), *hair_props(body, outer, worn.hair, worn.top))
    if tip:
        props = (*props, *heels(body, outer, worn.shoes, lift, tip))
    return Outfit(
        inflate.astype(np.float32), props, reflectivity=reflectivity.astype(np.float32), folds_m=moving.astype(np.float32),
        lift_m=lift, heel_rad=tip, arms_out_rad=arms_out_rad(worn.top), outer=outer,
    )  # fmt: skip


def matched(worn: Worn) -> Worn:
    """Tops that are thin enough are tucked into skirts; a dress is of one cloth, below a jacket or coat of another."""
    if worn.bottom.kind not in ("skirt", "dress") or worn.top.kind not in ("t-shirt", "shirt"):
        return worn
    shade = worn.top.shade if worn.bottom.kind == "dress" else worn.bottom.shade
    return replace(worn, top=replace(worn.top, hem=TUCKED), bottom=replace(worn.bottom, shade=shade))


def arms_out_rad(top: Top) -> float:
    """By how much thick clothes push the arms aside."""
    return float(np.clip((top.thick + 2 * top.sleeve - SNUG_M) / ARM_M, 0.0, MOST_OUT_RAD))


def hollows_m(body: Body, rest: Rest, where: Places) -> np.ndarray:
    """How far [V] the body's surface lies within its own softened one: what cloth spans, such as the waist and the back's hollow."""
    softened = rest.vertices_m.astype(float)
    for _ in range(SPANNED_RINGS):
        softened = soften(body) @ softened
    return np.maximum(np.einsum("vc,vc->v", softened - rest.vertices_m, where.normals), 0.0)


def rising(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    smooth: np.ndarray = share * share * (3 - 2 * share)
    return smooth


def top_m(top: Top, where: Places) -> np.ndarray:
    """Thickness [V] of a garment of the trunk: hanging from chest and belly at the waist, its sleeves and collar ending softly."""
    waist = 0.35 * np.exp(-(((where.trunk - 0.35) / 0.2) ** 2)) * np.abs(where.normals[:, 1])
    shoulders = 1 - 0.55 * np.clip(where.normals[:, 2], 0, 1) * (where.trunk > 0.6)  # where its weight rests, cloth is pressed flat
    thick = np.where(where.trunk >= 0, top.thick * (1 + waist) * shoulders, 0.0)
    share = rising(where.arm, 0.0, 0.5)
    sleeve = (top.thick * (1 - share) * (1 - 0.55 * np.clip(where.normals[:, 2], 0, 1)) + top.sleeve * share) * (
        1 - rising(where.arm, top.reach - 0.1, top.reach + 0.04)
    )
    thick = np.where(where.arm >= 0, sleeve, thick)
    if top.hem <= TUCKED:
        thick = thick * np.where(where.trunk >= 0, rising(where.trunk, 0.02, 0.25), 1.0)
    thick = np.where(where.neck >= 0, top.collar * (1 - rising(where.neck, 0.3, 0.9)), thick)
    return np.where(where.leg >= 0, top.thick * (1 - rising(where.leg, top.hem - 0.08, top.hem + 0.04)), thick)


def bottom_m(bottom: Bottom, where: Places) -> np.ndarray:
    """Thickness [V] of trousers or tights."""
    ankle = bottom.ankle if bottom.ankle <= CLOSED_LEG_M else 0.6 * bottom.ankle
    legs = bottom.thigh + (ankle - bottom.thigh) * rising(where.leg, 0.5, 1.9)
    waist = bottom.thigh * (1 - rising(where.trunk, 0.1, 0.25))
    return np.where((where.leg >= 0) & (where.leg < 2.5), legs, np.where(where.trunk >= 0, waist, 0.0))


def folds_m(garment: Top | Bottom, thick: np.ndarray, rest: Rest, which: int) -> np.ndarray:
    """Folds [V] of a garment, fixed to it: waves of 10 to 25 cm, as deep as the cloth allows. `which`: those that stay, those that move."""
    random = np.random.default_rng((garment.folds, which))
    waves = random.normal(0, 1, (4, 3)) * 2 * np.pi / 0.20
    field = np.sin(rest.vertices_m.astype(float) @ waves.T + random.uniform(0, 2 * np.pi, 4)).sum(1) / 2
    folds: np.ndarray = garment.fold * np.minimum(thick / FULL_FOLDS_M, 1.5) * field
    return folds


def on_shoes(body: Body, rest: Rest, shoes: Shoes, where: Places, inflate: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Offsets [V] with soles, by how much these and heels raise the person, and by how much heels tip the feet (radians)."""
    inflate, tip = inflate.copy(), float(np.arcsin(shoes.heel / HEEL_TO_BALL_M))
    under = (where.leg == 3) & (where.normals[:, 2] < -0.6)
    inflate[under] = shoes.sole
    toes = np.isin(body.bone_of_vertex, [joint(body, "LeftToeBase"), joint(body, "RightToeBase")])
    inflate[toes & ~under] += TOE_ROOM_M * np.clip(where.normals[toes & ~under, 0], 0, 1)
    lifts = []
    for side in ("Left", "Right"):
        ankle, ball = (rest.joints_m[joint(body, side + bone)].astype(float) for bone in ("Foot", "ToeBase"))
        sunk = float((_tipped(tip) @ (ball - ankle) - (ball - ankle))[2])
        of_toes = under & (body.bone_of_vertex == joint(body, f"{side}ToeBase"))
        lifts.append(-float((rest.vertices_m[of_toes, 2] + shoes.sole * where.normals[of_toes, 2]).min()) - sunk)
    return inflate, float(np.mean(lifts)), tip


def _tipped(angle_rad: float) -> np.ndarray:
    """The rotation [3, 3] of a foot in the rest pose on a heel: toes down."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def heels(body: Body, outer: Rest, shoes: Shoes, lift_m: float, tip_rad: float) -> list[Prop]:
    """A block under each heel of a tipped foot, from the ground up."""
    found = []
    for side in ("Left", "Right"):
        bone = joint(body, f"{side}Foot")
        ankle, turn = outer.joints_m[bone].astype(float), _tipped(tip_rad)
        foot = (outer.vertices_m[body.bone_of_vertex == bone] - ankle) @ turn.T + ankle
        rear = foot[foot[:, 0] < foot[:, 0].min() + 0.05]
        top_z = float(rear[:, 2].min()) + 0.015
        vertices, triangles = super_ellipsoid((0.045, 0.045, top_z + lift_m), 0.4, rings=2, around=6)
        placed = vertices + np.array([rear[:, 0].min() + 0.03, rear[:, 1].mean(), (top_z - lift_m) / 2])
        found.append(fixed_prop(outer, bone, (placed - ankle) @ turn + ankle, triangles, f"{side.lower()}_leg", shoes.shade))
    return found


def tubes(body: Body, outer: Rest, worn: Worn) -> list[Prop]:
    """What hangs freely: the hem of the top, a skirt, wide trousers."""
    top, bottom, found = worn.top, worn.bottom, []
    under, over, rings = 0.0, UNDER_M, 5 if top.hem > 0.5 else 3
    if bottom.kind in ("skirt", "dress"):
        covered, begins, ease = top.hem > 0.5, WAIST_M, 1.5 * UNDER_M
        flare = min(bottom.flare, 0.02) if covered else bottom.flare
        if covered:
            under = flare + UNDER_M
        elif top.hem > 0:  # it begins just within the top's hem: two tubes of other cuts cross where they run side by side
            thigh_m = float(np.linalg.norm(outer.joints_m[joint(body, "LeftUpLeg")] - outer.joints_m[joint(body, "LeftLeg")]))
            begins, ease, over, rings = OVERLAP_M - top.hem * thigh_m, 0.5 * UNDER_M, 6 * UNDER_M, 5
        cut = Hem(bottom.length, ease, flare, SKIRT_DELAY_S, 5, AROUND, begins, _waves(bottom), bottom.shade, fitted=True)
        found.append(hem(body, outer, cut))
    if bottom.ankle > CLOSED_LEG_M:
        found += [trouser_leg(body, outer, side, 0.5 * bottom.ankle, bottom.shade) for side in ("Left", "Right")]
    if top.hem > 0:
        cut = Hem(top.hem, under - UNDER_M, top.flare + over, top.delay_s, rings, AROUND, waves=_waves(top), reflectivity=top.shade, fitted=True)
        found.append(hem(body, outer, cut))
    return found


def _waves(garment: Top | Bottom) -> np.ndarray:
    """Folds of a hem by direction [K], outwards: three waves about it."""
    random = np.random.default_rng((garment.folds, 2))
    turn = np.arange(AROUND)[:, None] * 2 * np.pi / AROUND
    waves: np.ndarray = garment.fold * np.sin(turn * np.array([2, 3, 4]) + random.uniform(0, 2 * np.pi, 3)).sum(1) / 2
    return np.maximum(waves, 0.0)
