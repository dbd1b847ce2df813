"""What an importer of one's own is written with: a plug-in's `importers/NAME.py`. These names and their parameters stay, and a test lists them.

An importer holds `DATASET`, a `Dataset`; `named(kind, view)`, which fields of `types.Labels` the names of a sequence say; `read(reading)`, its arrays
by field of the store; and, where the split follows from the ids, `split_of(person)`. The tree is `SRC/person/type/view/files`.
"""

from gaitbridge.data.importers._arrays import cloud_of, clouds, parsing, pictures, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Dataset, Importer, Place, Reading, same_frames
from gaitbridge.data.importers._formats import heatmaps
from gaitbridge.data.importers._poses import poses
from gaitbridge.data.importers._silhouettes import read_silhouettes, read_silhouettes_with_smpl

__all__ = ["Arrays", "Dataset", "Importer", "Place", "Reading", "cloud_of", "clouds", "heatmaps", "parsing", "pictures", "poses", "read_silhouettes",
           "read_silhouettes_with_smpl", "same_frames", "silhouettes"]
