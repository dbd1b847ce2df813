"""The studies, as data: what each arm changes, and what it is held against."""

from gaitbridge.errors import UserError, nearest
from gaitbridge.training.study import Arm, Study

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

_LOOKS = (0.7, 0.9)  # of the ladder's steps: the last before the rate drops, and some before the end

LADDER = Study(
    "ladder", "How far the sensors part: baselines on identity losses alone, held against real data", "diffcrossgait/tiny_identity",
    (
        Arm("one-network", "one network for both sensors, its four directions", looks=_LOOKS, seen=True),
        Arm("camera-outline", "an encoder of its own: the camera's silhouettes", recipe="gaitbase/tiny"),
        Arm("lidar-outline", "the same encoder: where the LiDAR had a return", ("network.picture=outline",), "camera-outline", "lidargait/tiny"),
        Arm("lidar-depth", "the same encoder: the LiDAR's outline and depth", (), "lidar-outline", "lidargait/tiny"),
    ),
    drops=_LOOKS, checkpoint="last", steps=2000, ladder=True,
)  # fmt: skip

STUDIES = {study.name: study for study in (DIFFCROSSGAIT, MESHGAIT, TRANSFER, LADDER)}


def open_study(name: str) -> Study:
    """The study `name`; UserError with the nearest one where there is none."""
    if name not in STUDIES:
        raise UserError(f"unknown study {name!r}: {nearest(name, STUDIES)}")
    return STUDIES[name]
