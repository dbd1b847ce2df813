"""The public datasets' own protocols. `type` is the middle part of a published key person/type/view; all take the test people alone.

Parts and their printed names are those of the field's standard toolkit, so that numbers can be held against published ones.
"""

from dataclasses import replace

from gaitbridge.data.protocols.rules import IN_PROBE_SET, Part, Protocol, Rule

_TEST = {"split": ("test",)}


def _types(*kinds: str) -> Rule:
    return Rule(match={**_TEST, "type": kinds})


def _words(*words: str) -> Rule:
    return Rule(match=_TEST, containing={"type": words})


_SUSTECH1K_PARTS = (
    Part("Normal", _words("01-nm")),
    Part("Bag", _words("bg")),
    Part("Clothing", _words("cl")),
    Part("Carrying", _words("cr")),
    Part("Umbrella", _words("ub"), printed="Umberalla"),
    Part("Uniform", _words("uf")),
    Part("Occlusion", _words("oc")),
    Part("Night", _words("nt")),
    Part("Overall", _words("01", "02", "03", "04")),
)

_LATER_SCENES = ("scene2", "scene3", "scene3_s")


def _casia_e(scenes: tuple[str, ...], *conditions: str) -> Rule:
    kinds = tuple(f"{height}-{scene}-{kind}-{take}" for height in "HL" for scene in scenes for kind in conditions for take in (1, 2))
    return Rule(match={**_TEST, "type": kinds}, unless={"view": ("270",)})


CASIA_B = Protocol(
    name="casia_b",
    probe=_types("nm-05", "nm-06", "bg-01", "bg-02", "cl-01", "cl-02"),
    gallery=_types("nm-01", "nm-02", "nm-03", "nm-04"),
    parts=(Part("NM", _types("nm-05", "nm-06")), Part("BG", _types("bg-01", "bg-02")), Part("CL", _types("cl-01", "cl-02"))),
    ranks=(1,),
    layout="view pairs",
    precision=(),
    reference="Yu, Tan, Tan, ICPR 2006; the large training set of 74 people, as GaitSet (Chao et al., AAAI 2019) scores it.",
)
CASIA_B_CROSS_VIEW = Protocol(
    name="casia_b_cross_view",
    probe=_types("nm-01", "bg-01", "cl-01"),
    gallery=_types("nm-02", "bg-02", "cl-02"),
    parts=(Part("NM", _types("nm-01")), Part("BG", _types("bg-01")), Part("CL", _types("cl-01"))),
    ranks=(1,),
    identical=("person", "view"),
    layout="probe views",
    precision=("mAP",),
    reference="Hou et al., A Comprehensive Study on the Evaluation of Silhouette-Based Gait Recognition, T-BIOM 2023: a gallery of all views.",
)
OUMVLP = Protocol(
    name="oumvlp",
    probe=_types("00"),
    gallery=_types("01"),
    parts=(Part("NM", _types("00")),),
    ranks=(1,),
    layout="view pairs",
    precision=(),
    reference="Takemura et al., IPSJ T. CVA 10:4, 2018.",
)
GAIT3D = Protocol(
    name="gait3d",
    probe=Rule(match={**_TEST, IN_PROBE_SET: (True,)}),
    gallery=Rule(match={**_TEST, IN_PROBE_SET: (False,)}),
    identical=(),
    conditions="",
    reference="Zheng et al., CVPR 2022: the probes of PROBE_SET against every other test sequence.",
)
GREW = Protocol(
    name="grew",
    probe=_types("02"),
    gallery=_types("01"),
    ranks=(1, 5, 10, 20),
    identical=(),
    conditions="",
    precision=(),
    every_probe=True,
    reference="Zhu et al., ICCV 2021. Its probes (type 03) have hidden identities: this is the local test, type 02 against type 01.",
)
CCPG = Protocol(
    name="ccpg",
    probe=_types("U0_D0_BG", "U0_D0", "U3_D3", "U1_D0"),
    gallery=_types("U1_D1", "U2_D2", "U3_D3", "U0_D3", "U0_D0"),
    parts=(
        Part("CL", _types("U0_D0_BG", "U0_D0"), _types("U1_D1", "U2_D2", "U3_D3")),
        Part("UP", _types("U3_D3"), _types("U0_D3")),
        Part("DN", _types("U1_D0"), _types("U1_D1")),
        Part("BG", _types("U0_D0_BG"), _types("U0_D0")),
    ),
    ranks=(1, 5),
    identical=("person", "view_start"),
    cells_by="view_start",
    reference="Li et al., CVPR 2023: re-identification when clothes change (all, above, below, a bag). A view is a camera, its name up to _.",
)
SUSTECH1K = Protocol(
    name="sustech1k",
    probe=Rule(match=_TEST, containing={"type": ("01", "02", "03", "04", "bg", "cl", "cr", "ub", "uf", "oc", "nt")}, unless={"type": ("00-nm",)}),
    gallery=_words("00-nm"),
    parts=_SUSTECH1K_PARTS,
    ranks=(1, 2, 3, 4, 5),
    layout="view pairs",
    precision=(),
    reference="Shen et al., LidarGait, CVPR 2023.",
)
CASIA_E = Protocol(
    name="casia_e",
    probe=_casia_e(_LATER_SCENES, "nm", "bg", "cl"),
    gallery=_casia_e(("scene1",), "nm"),
    parts=tuple(Part(kind.upper(), _casia_e(_LATER_SCENES, kind)) for kind in ("nm", "bg", "cl")),
    ranks=(1,),
    layout="view pairs",
    precision=(),
    reference="Song et al., T-PAMI 2023, as the field's toolkit scores it: walks of scenes 2 and 3 against normal ones of scene 1, without view 270.",
)
CCGR = Protocol(
    name="ccgr",
    probe=Rule(match=_TEST, unless={"type": ("NM1",)}),
    gallery=_types("NM1"),
    ranks=(1, 5),
    layout="view pairs",
    conditions="type",
    each="type",
    precision=(),
    reference="Zou et al., AAAI 2024, its easy measure: every other covariate against the first normal walk, by covariate and pair of views.",
)
_CCGR_COVARIATES = (
    "NM1", "NM2", "SU1", "UB1", "BK1", "PK1", "SD1", "BG1", "BGHV1", "BX1", "BXHV1", "BXHVBG1", "BXBGCL1", "CL1", "CLPK1", "CLUB1", "CLUBBG1",
    "CLUBBGSD1", "BGCRCL1", "BGCRCLSU1", "BGCRCLCVUB1", "BGCRCLCV1", "CV1", "CVBXHV1", "CVBXBG1", "BGCR1", "CR1", "UBBGSD1", "SF1", "SFUBBG1",
    "SFCL1", "SFUBBGCL1", "BMCL1", "BMCLBG1", "BMCLBGBX1", "BM1", "ASBGCLBXCV1", "ASBXHVCL1", "ASBX1", "AS1", "DN1", "DNBK1", "DNBKBG1",
    "DNBKBGCL1", "ATUBBGCLBG1", "ATBGCL1", "ATBG1", "AT1", "DT1", "DTBXHV1", "DTBXHVCL1", "DTBXCLBG1", "FD1", "CD1",
)  # fmt: skip
CCGR_HARD = replace(
    CCGR,
    name="ccgr_hard",
    probe=Rule(match=_TEST),
    gallery=Rule(match=_TEST),
    parts=tuple(Part(kind, Rule(match=_TEST, unless={"type": (kind,)}), _types(kind)) for kind in _CCGR_COVARIATES),
    mean="hard",
    reference="Zou et al., AAAI 2024, its hard measure: every covariate is the gallery in turn, against all others, by covariate and pair of views.",
)
MMGAIT = Protocol(
    name="mmgait",
    probe=_types("NM-02", "BG-01", "CL-01"),
    gallery=_types("NM-01"),
    parts=(Part("NM", _types("NM-02")), Part("BG", _types("BG-01")), Part("CL", _types("CL-01"))),
    ranks=(1,),
    layout="view pairs",
    precision=(),
    reference="MMGait, CVPR 2026: the second normal walk, one with a bag, one in other clothes, against the first normal one.",
)
DATASETS = (
    CASIA_B,
    CASIA_B_CROSS_VIEW,
    OUMVLP,
    GAIT3D,
    GREW,
    CCPG,
    SUSTECH1K,
    replace(SUSTECH1K, name="sustech1k_cross_modal", crossed=True, reference=f"{SUSTECH1K.reference} The gallery is of the other sensor."),
    CASIA_E,
    CCGR,
    CCGR_HARD,
    replace(GAIT3D, name="ccgr_mini", reference="Zou et al., AAAI 2024: every test sequence that is not in GALLERY_SET against those that are."),
    MMGAIT,
    replace(MMGAIT, name="mmgait_cross_modal", crossed=True, reference=f"{MMGAIT.reference} The gallery is of the other sensor."),
    replace(GAIT3D, name="freegait", reference="Han et al., FreeGait, 2024: the probes of PROBE_SET against every other test sequence."),
    replace(GAIT3D, name="freegait_cross_modal", crossed=True, reference="As freegait; the gallery is of the other sensor."),
)
