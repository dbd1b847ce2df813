"""OUMVLP-Mesh: SMPL bodies for OU-MVLP's frames (Li, Makihara, Xu, Yagi, IEEE T-BIOM 2022).

It comes by agreement, and its files are not publicly described. Read are: a .npz or .json for each frame (poses, betas, cam, joints by
usual names; of joints also `hc3d`), or one .pkl or .npz for a sequence. Silhouettes are OU-MVLP's own: give their tree with --beside.
"""

from gaitbridge.data.importers import oumvlp
from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import SMPL_FIELDS, read_silhouettes_with_smpl

DATASET = Dataset(
    name="OUMVLP-Mesh",
    citation="Li, Makihara, Xu, Yagi: Multi-View Large Population Gait Database With Human Meshes and Its Performance Evaluation. "
    "IEEE Transactions on Biometrics, Behavior, and Identity Science 4(2), 2022",
    apply=oumvlp.DATASET.apply,
    licence="OUMVLP-Mesh: research only, by agreement with its owners (ISIR, Osaka University); SMPL: research only",
    layout="00001/00/000/smpls-000.pkl, or .npz or .json for each frame",
    split=oumvlp.DATASET.split,
    fields=("silhouettes", *SMPL_FIELDS),
    people=oumvlp.DATASET.people,
)
read, named, split_of = read_silhouettes_with_smpl, oumvlp.named, oumvlp.split_of
