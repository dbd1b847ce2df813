"""Files of bare floats, a row a point (.bin): how many columns they have is found from the data, as nothing in them says it.

KITTI writes four (x, y, z, reflectance), nuScenes five (and the beam's number), others six. In the true table each column is a quantity of its
own; in a wrong one every column is a mixture. So each number of columns is judged by how short it makes the file when each column is coded
by its own histogram (with the price of the histogram, or more columns would always be better): the shortest is the true one, by far.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError

USUAL = (3, 4, 5, 6)  # found without being asked
TRIED = range(1, 11)  # more than is usual, so that they are not taken for less; 1 is that columns do not differ
BINS = 24
BLOCK = 2520  # floats: a whole number of rows of each number of columns that is tried
BLOCKS, FILES = 8, 8  # looked at
SURE = 8.0  # nats: a chance of one in three thousand
MULTIPLE = 0.2  # nats a float by which 6, 8, 9, 10 columns must be better than 3, 4, 3, 5: half as much as was seen where they were true
OTHERWISE = "say --columns, how many floats a point has (KITTI 4, nuScenes 5)"


def columns_of(files: Sequence[Path], given: int | None = None) -> int:
    """How many floats a point has in the files of one recording; given: by the user. UserError where the data do not tell, or cannot be so."""
    sizes = {file: file.stat().st_size for file in files}
    first = next(iter(files))
    if odd := [file for file, size in sizes.items() if size % 4]:
        raise UserError(f"{odd[0]}: its {sizes[odd[0]]:,} bytes are no whole number of floats: it is cut off, or no file of points")
    found = given or _found([file for file in files if sizes[file]], first)
    if odd := [file for file, size in sizes.items() if size % (4 * found)]:
        raise UserError(f"{odd[0]}: its {sizes[odd[0]] // 4:,} floats are no whole number of points of {found}: it is cut off, or {OTHERWISE}")
    return found


def read_bin(file: Path, columns: int) -> np.ndarray:
    """The points [P, columns] float32 of a file, x, y, z first. UserError where most of its rows cannot be points."""
    raw = file.read_bytes()
    if len(raw) % (4 * columns):
        raise UserError(f"{file}: its {len(raw):,} bytes are no whole number of points of {columns} floats: it is cut off, or {OTHERWISE}")
    table = np.frombuffer(raw, "<f4").reshape(-1, columns)
    sizes = np.abs(table[:, :3])
    likely = (np.isnan(sizes) | (sizes == 0) | ((sizes > 1e-9) & (sizes < 1e8))).all(1)
    if len(table) and likely.mean() < 0.9:
        raise UserError(f"{file}: {(~likely).mean():.0%} of its rows are no points when read as {columns} floats each: {OTHERWISE}")
    return table


def _found(files: list[Path], first: Path) -> int:
    """The number of columns that describes the files shortest."""
    if not files:
        return USUAL[1]  # without a point any will do
    samples = [_sample(files[number]) for number in np.unique(np.linspace(0, len(files) - 1, FILES).astype(int))]
    lengths = np.sum([_lengths(sample) for sample in samples], axis=0)
    # Two rows taken for one are as good a table, and a better one where beams take turns: its half is preferred unless much is lost
    lost = MULTIPLE * sum(map(len, samples))
    most = {columns: length + (lost if any(columns > part and not columns % part for part in USUAL) else 0.0) for columns, length in
            zip(TRIED, lengths, strict=True)}
    best, second = sorted(most, key=lambda columns: most[columns])[:2]
    margin = most[second] - most[best]
    fits = [columns for columns in USUAL if not any(file.stat().st_size % (4 * columns) for file in files)]
    if margin >= SURE and best in fits:
        return best
    if fits in ([4], [3, 4]) and most[4] - most[best] < SURE:
        return 4  # too few points to tell, and nothing speaks against the most usual
    like = f"it looks like {best}; " if margin >= SURE and best > 2 else ""
    raise UserError(f"{first}: it does not say how many floats a point has, and its numbers do not show it ({like}it could be divided by "
                    f"{', '.join(map(str, fits)) or 'none of 3 to 6'}): {OTHERWISE}")


def _sample(file: Path) -> np.ndarray:
    """Floats of a file, all or blocks spread over it."""
    values = np.memmap(file, "<f4", "r")
    blocks = len(values) // BLOCK
    if blocks <= BLOCKS:
        return np.array(values)
    return np.concatenate([values[number * BLOCK : (number + 1) * BLOCK] for number in np.linspace(0, blocks - 1, BLOCKS).astype(int)])


def _lengths(values: np.ndarray) -> np.ndarray:
    """How many nats the values take as a table of each number of columns in TRIED, each column coded by its own histogram."""
    held = np.nan_to_num(values.astype(np.float64), nan=1e39, posinf=1e40, neginf=-1e40)
    edges = np.unique(np.quantile(held, np.linspace(0, 1, BINS + 1)))
    bins = np.searchsorted(edges, held, "left") + np.searchsorted(edges, held, "right")  # what many values equal has a bin of its own
    whole = int(bins.max()) + 1
    return np.array([sum(_coded(np.bincount(bins[start::columns], minlength=whole)) for start in range(columns)) for columns in TRIED])


def _coded(counts: np.ndarray) -> float:
    """Nats of values counted in bins, the bins' shares unknown beforehand (Krichevsky and Trofimov: a Dirichlet of one half)."""
    from scipy.special import gammaln

    total, half = counts.sum(), 0.5 * len(counts)
    return float(gammaln(total + half) - gammaln(half) - (gammaln(counts + 0.5) - gammaln(0.5)).sum())
