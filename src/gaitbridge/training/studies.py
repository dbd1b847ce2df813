"""The studies, as data: what each arm changes, and what it is held against."""

from gaitbridge import plugins
from gaitbridge.errors import UserError, nearest
from gaitbridge.training.study import Arm, Study

PLUGGED = "gaitbridge.training.plugged_studies"

_NO_PHASES = "objective.diffusion.phases=[]"
_SILHOUETTES = ("network.heatmaps=null", "objective.reconstruction=null")
_NO_MESH = ("objective.reconstruction.vertices=0", "objective.reconstruction.edges=0", "objective.reconstruction.normals=0")
_BACKBONES = {"resnet9": (), "pseudo3d": ("network.backbone=pseudo3d",)}
_LEVELS = (
    ("heatmaps", "the 3D branch without any 3D supervision", ("objective.reconstruction=null", "network.heatmaps.detach=false")),
    ("joints", "supervised by joints", ("objective.reconstruction.markers=0", *_NO_MESH)),
    ("markers", "supervised by joints and virtual markers", _NO_MESH),
    ("mesh", "supervised by joints, markers and mesh", ()),
)


def _phases(numbers: str, *more: str) -> tuple[str, ...]:
    return (f"objective.diffusion.phases=[{numbers}]", "objective.diffusion.partner=same_person", *more)


DIFFCROSSGAIT = Study(
    "diffcrossgait", "What alignment and the phases of latent diffusion add to identity losses, camera against LiDAR", "diffcrossgait/tiny",
    (
        Arm("identity", "identity losses alone", ("objective.alignment.kind=none", _NO_PHASES), "contrastive"),
        Arm("info-nce", "+ InfoNCE on the pairs of one walk", ("objective.alignment.kind=info_nce", _NO_PHASES), "contrastive"),
        Arm("contrastive", "+ supervised contrast over all samples of a person: the reference", (_NO_PHASES,)),
        Arm("head", "contrastive + an identity head on the latent, no diffusion: the control", (_NO_PHASES, "objective.latent_identity=0.3"),
            "contrastive"),
        Arm("phase-1", "contrastive + phase 1", _phases("1"), "contrastive"),
        Arm("phases-1-2", "contrastive + phases 1 and 2", _phases("1,2"), "contrastive"),
        Arm("phases-1-2-3", "contrastive + all phases: shared noise, a partner of any walk of the person", _phases("1,2,3"), "contrastive"),
        Arm("independent-noise", "all phases, noise of its own for each modality", _phases("1,2,3", "objective.diffusion.shared_noise=false"),
            "phases-1-2-3"),
        Arm("same-walk", "all phases, the partner of the same walk", _phases("1,2,3", "objective.diffusion.partner=synchronised"), "phases-1-2-3"),
        Arm("relative", "all phases, trajectories held against other people's (not squared differences), denoised towards the person's mean",
            _phases("1,2,3", "objective.diffusion.agreement=contrastive", "objective.diffusion.recovers=person"), "contrastive"),
    ),
)  # fmt: skip

MESHGAIT = Study(
    "meshgait", "What heatmaps and their 3D supervision add to silhouettes, on two backbones", "meshgait/tiny",
    tuple(
        arm for backbone, settings in _BACKBONES.items()
        for arm in (
            Arm(f"{backbone}-silhouettes", f"{backbone} on silhouettes alone: the reference", (*settings, *_SILHOUETTES)),
            *(Arm(f"{backbone}-{name}", f"{backbone}, {about}", (*settings, *more), f"{backbone}-silhouettes") for name, about, more in _LEVELS),
        )
    ),
)  # fmt: skip

TRANSFER = Study(
    "transfer", "Trained on generated walks, tested on captured ones", "diffcrossgait/tiny",
    DIFFCROSSGAIT.arms, elsewhere="real-motion", runs_of="diffcrossgait",
)  # fmt: skip

_DROPS, _LOOKS = (0.6, 0.8), (0.6, 0.9)  # of the steps: where the rate drops; the last before it does, and some before the end
_OF_LADDER = ("network.channels=[32,64,128]", "network.embedding=128", "network.shared_from=2")  # twice `tiny`, late stages shared

LADDER = Study(
    "ladder", "How far the sensors part: baselines on identity losses alone, held against real data", "diffcrossgait/tiny_identity",
    (
        Arm("one-network", "one network for both sensors, its late stages shared, its four directions", _OF_LADDER, looks=_LOOKS, seen=True),
        Arm("camera-outline", "an encoder of its own: the camera's silhouettes", recipe="gaitbase/tiny"),
        Arm("lidar-outline", "the same encoder: where the LiDAR had a return", ("network.picture=outline",), "camera-outline", "lidargait/tiny"),
        Arm("lidar-depth", "the same encoder: the LiDAR's outline and depth", (), "lidar-outline", "lidargait/tiny"),
    ),
    drops=_DROPS, checkpoint="last", steps=2000, ladder=True,
)  # fmt: skip


def _aligned(kind: str, phases: str = "", *more: str) -> tuple[str, ...]:
    """Settings of an alignment of the final embeddings and of the phases, each none where it is to be none."""
    return (f"objective.alignment.kind={kind}", f"objective.diffusion.phases=[{phases}]", *more)


_LATE = "network.shared_from=2"  # the stem and one stage private, as published; norms stay each sensor's own
_ACROSS = "objective.identity.triplets=across"
_CLGAIT = (_LATE, "network.linear_maps=own", _ACROSS, "objective.identity.triplet=2", "objective.identity.classifiers=own")
_TEACHER = ("objective.teacher={}", _ACROSS)
_PROTOTYPES = "network.prototypes=32"
_OPTIONS = (
    ("maps", "latents of the last stage's maps, a denoiser of two axes", ("latent_from=maps",)),
    ("conditioned", "the denoiser is shown the other sensor's clean latent in half of the pairs", ("conditioned=true",)),
    ("another-walk", "phase 3 recovers another walk of the person", ("recovers_walk=another",)),
    ("slow-teacher", "what is recovered are the latents of a moving average of the network", ("target_momentum=0.99",)),
    ("consistency", "recovered latents at two steps of one trajectory are to be the same", ("consistency=0.3",)),
    ("lidar-held", "the phases leave the LiDAR's encoder alone", ("holds=lidar",)),
    ("light", "phase 1 at a third of its weight", ("anchoring=0.1",)),
    ("log-normal", "steps drawn log-normally by their noise", ("noise_levels=log_normal",)),
)

RIVALS = Study(
    "rivals", "The phases in place of embedding alignment and on top of each, beside rival methods, trained until flat", "diffcrossgait/tiny",
    (
        Arm("identity", "identity losses alone: the reference", _aligned("none")),
        Arm("info-nce", "+ InfoNCE on the pairs of one walk", _aligned("info_nce"), "identity"),
        Arm("cross-contrastive", "+ contrast with all of a person's in the other sensor", _aligned("cross_contrastive"), "identity"),
        Arm("contrastive", "+ supervised contrast over all samples of a person", _aligned("supervised_contrastive"), "identity"),
        Arm("head", "identity + an identity head on the latent, no diffusion: the phases' control",
            _aligned("none", "", "objective.latent_identity=0.3"), "identity"),
        Arm("phases", "identity + the phases, in place of any alignment of embeddings", _aligned("none", "1,2,3"), "identity"),
        Arm("info-nce-phases", "info-nce + the phases", _aligned("info_nce", "1,2,3"), "info-nce"),
        Arm("cross-contrastive-phases", "cross-contrastive + the phases", _aligned("cross_contrastive", "1,2,3"), "cross-contrastive"),
        Arm("contrastive-phases", "contrastive + the phases", _aligned("supervised_contrastive", "1,2,3"), "contrastive"),
        Arm("late", "identity, late stages shared by both sensors", _aligned("none", "", _LATE), "identity", "diffcrossgait/tiny_identity"),
        Arm("late-contrastive", "contrastive, late stages shared", _aligned("supervised_contrastive", "", _LATE), "contrastive"),
        Arm("late-phases", "phases, late stages shared", _aligned("none", "1,2,3", _LATE), "late"),
        Arm("late-contrastive-phases", "contrastive + the phases, late stages shared", _aligned("supervised_contrastive", "1,2,3", _LATE),
            "late-contrastive"),
        Arm("cl-gait", "late stages shared, triplets across the sensors alone, a classifier each (after CL-Gait)", _aligned("none", "", *_CLGAIT),
            "identity"),
        Arm("teacher", "imitation of a teacher of both sensors (after UniCrossGait)", _aligned("none", "", *_TEACHER), "identity"),
        Arm("late-teacher", "teacher, late stages shared", _aligned("none", "", *_TEACHER, _LATE), "late"),
        Arm("prototypes", "cross-contrastive, prototypes that both sensors attend to (after CrossGait)",
            _aligned("cross_contrastive", "", _PROTOTYPES), "identity"),
        Arm("late-prototypes", "prototypes, late stages shared", _aligned("cross_contrastive", "", _PROTOTYPES, _LATE), "late"),
        *(Arm(f"phases-{name}", f"late-contrastive-phases, {about}",
              _aligned("supervised_contrastive", "1,2,3", _LATE, *(f"objective.diffusion.{one}" for one in settings)), "late-contrastive-phases")
          for name, about, settings in _OPTIONS),
    ),
    drops=_DROPS, checkpoint="last", steps=2000,
)  # fmt: skip

_BRANCH, _TAUGHT = "network.heatmaps.", "objective.reconstruction."


def _steps(number: int) -> tuple[str, ...]:
    return (*_NO_MESH, f"steps={number}", f"validate_every={number // 4}")


def _apart(spacing: int) -> tuple[str, ...]:
    """Neighbours in a row, so far apart, which the coarser stages see."""
    return (*_steps(3000), "data.ordered=true", f"data.spacing={spacing}", f"{_BRANCH}context=true", f"{_BRANCH}every={spacing}")


BODIES = Study(
    "bodies", "How far recovered bodies are from the true ones: against steps, frames, their distance, grid and options; without --steps",
    "meshgait/tiny",
    (
        Arm("steps-3000", "joints and markers, 3,000 steps of four frames over the whole walk: the reference", _steps(3000)),
        *(Arm(f"steps-{number}", f"{number:,} steps", _steps(number), "steps-3000") for number in (1000, 9000, 18000)),
        *(Arm(f"frames-{number}", f"{number} frames of each walk in a batch", (*_steps(3000), f"data.frames={number}"), "steps-3000")
          for number in (2, 8)),
        *(Arm(f"context-{number}", f"four frames in a row, {number} apart, that see their neighbours", _apart(number), "steps-3000")
          for number in (1, 3)),
        Arm("grid-32", "volumes on 32 x 22 cells", (*_steps(3000), f"{_BRANCH}shared=1", f"{_BRANCH}channels=[32,48,64]"), "steps-3000"),
        Arm("grid-8", "volumes on 8 x 6 cells", (*_steps(3000), f"{_BRANCH}own_grid=true", f"{_BRANCH}channels=[48,64]"), "steps-3000"),
        Arm("depth-16", "16 depth bins", (*_steps(3000), f"{_BRANCH}depth=16"), "steps-3000"),
        Arm("sets", "cells of joints and of markers each for themselves", (*_steps(3000), f"{_TAUGHT}cells_of=sets"), "steps-3000"),
        Arm("shape", "+ the build over the walk", (*_steps(3000), f"{_TAUGHT}shape=40"), "steps-3000"),
        Arm("two-scales", "+ heatmaps on the coarser grid", (*_steps(3000), f"{_BRANCH}two_scales=true"), "steps-3000"),
        Arm("every-1", "embeddings from the heatmaps of every frame, not of every third", (*_steps(3000), f"{_BRANCH}every=1"), "steps-3000"),
    ),
)  # fmt: skip

_JOINTS_SEEN = (_NO_PHASES, f"{_TAUGHT}markers=0", *_NO_MESH)
_JOINTS_BOTH = (*_JOINTS_SEEN, *(setting.replace("objective.reconstruction", "objective.lidar_reconstruction") for setting in _JOINTS_SEEN[1:]))
_WITH, _BOTH = "diffcrossgait/tiny_heatmaps", "diffcrossgait/tiny_heatmaps_both"

ACROSS = Study(
    "bodies-across", "What the recovered body adds across the sensors, in the silhouettes' encoder or in both", "diffcrossgait/tiny_contrastive",
    (
        Arm("contrastive", "identity losses and supervised contrast: the reference"),
        Arm("camera", "+ heatmaps of joints in the silhouettes' encoder", _JOINTS_SEEN, "contrastive", _WITH),
        Arm("both", "+ heatmaps of joints in both encoders", _JOINTS_BOTH, "contrastive", _BOTH),
        Arm("late", "contrastive, late stages shared", (_LATE,)),
        Arm("late-both", "both, late stages shared", (_LATE, *_JOINTS_BOTH), "late", _BOTH),
    ),
    drops=_DROPS, checkpoint="last", steps=2000,
)  # fmt: skip

# simulate with --set 'extras=["points"]'
_TINY_POINTS = 'network.lidar_points={"points":256,"width":8,"centres":[128,64,32],"neighbours":16}'

LIDAR_SIDE = Study(
    "lidar-side", "What the LiDAR's side sees, range views or points by LidarGait++'s levels, across the sensors and alone; for a store with "
    "points", "diffcrossgait/tiny_contrastive",
    (
        Arm("views", "DiffCrossGait's identity losses and supervised contrast, range views: the reference"),
        Arm("points", "the same, points in their place", (_TINY_POINTS,), "views"),
        Arm("views-phases", "+ the phases, range views", (), "views", "diffcrossgait/tiny"),
        Arm("points-phases", "+ the phases, points", (_TINY_POINTS,), "points", "diffcrossgait/tiny"),
        Arm("lidar-views", "a LiDAR's range views alone, LidarGait's network", recipe="lidargait/tiny"),
        Arm("lidar-points", "a LiDAR's points alone, LidarGait++", (), "lidar-views", "lidargait_pp/tiny"),
    ),
    drops=_DROPS, checkpoint="last", steps=2000,
)  # fmt: skip

STUDIES = {study.name: study for study in (DIFFCROSSGAIT, MESHGAIT, TRANSFER, LADDER, RIVALS, BODIES, ACROSS, LIDAR_SIDE)}


def studies() -> dict[str, Study]:
    """All studies by name, plug-ins' among them. UserError where a plug-in has none, or one of a name that is taken."""
    found = dict(STUDIES)
    for name in plugins.names(PLUGGED):
        study = getattr(plugins.load(PLUGGED, name), "STUDY", None)
        if not isinstance(study, Study):
            raise UserError(f"the plug-in studies/{name} has no STUDY, a gaitbridge.training.study.Study: give it one")
        if study.name in found:
            raise UserError(f"the plug-in studies/{name} has a study called {study.name!r}, a name that is taken: give it another")
        found[study.name] = study
    return found


def open_study(name: str) -> Study:
    """The study `name`; UserError with the nearest one where there is none."""
    known = studies()
    if name not in known:
        raise UserError(f"unknown study {name!r}: {nearest(name, known)}")
    return known[name]
