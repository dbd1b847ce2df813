"""Follow the steps of the Containerfile without a container engine: in a copy-on-write copy of this machine's root, which is left as it was.

    sudo python deploy/follow.py [--folder FOLDER] [--arg NAME=VALUE ...] -- WORDS...

Linux, as root, with Debian's Python 3.11 as /usr/bin/python3: it stands in for the base image. Each stage is an overlay over / in a mount namespace
of its own; ARG, COPY, ENV, RUN, USER and WORKDIR are done in it as an engine would, then ENTRYPOINT with WORDS runs in it as the image's user. What a
stage made stays in FOLDER: a second run goes on behind the steps that are unchanged.
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "ln -sf /usr/bin/python3 /usr/local/bin/python"  # the base image's name for it


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and its words, lines that go on put together, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


class Stage:
    """One FROM: its folder of changes, and what has been said in it so far."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder / name, name
        self.variables: dict[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        self.user, self.place, self.entry = "root", "/", [""]
        for part in ("changed", "work", "root", "tmp"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)

    def run(self, words: list[str], user: str = "root") -> int:
        """Run a command in the stage's root; its exit code."""
        root = self.folder / "root"
        overlay = f"lowerdir=/,upperdir={self.folder}/changed,workdir={self.folder}/work"
        mounts = [f"mount -t overlay overlay -o {overlay} {root}", f"mount --rbind /proc {root}/proc", f"mount --rbind /dev {root}/dev",
                  f"mount --bind {self.folder}/tmp {root}/tmp"]
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        inner = ["env", "-i", "HOME=/tmp", *variables, "sh", "-c", 'cd "$0" && exec "$@"', self.place, *words]
        script = f"{' && '.join(mounts)} && exec chroot --userspec={user} {root} {shlex.join(inner)}"
        return subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False).returncode

    def do(self, words: list[str]) -> None:
        """The same, which must go well."""
        if self.run(words):
            sys.exit(f"{self.name}: failed: {shlex.join(words)}")

    def stand(self, place: str) -> None:
        """Go on in a folder, made where it is missing."""
        self.place = "/"
        self.do(["mkdir", "-p", place])
        self.place = place


def planned(given: dict[str, str]) -> dict[str, list[tuple[str, str, str]]]:
    """By stage its instructions: each with its words, and a mark of all that leads to it, as an engine's cache has it."""
    stages: dict[str, list[tuple[str, str, str]]] = {}
    chain = hashlib.sha256(json.dumps(given).encode())
    name = ""
    for instruction, words in instructions((ROOT / "deploy/Containerfile").read_text(encoding="utf-8")):
        if instruction == "FROM":
            name = words.split()[-1] if " AS " in words.upper() else "image"
        chain.update(f"{instruction} {words}{_content(words) if instruction == 'COPY' else ''}".encode())
        stages.setdefault(name, []).append((instruction, words, chain.hexdigest()))
    return stages


def follow(folder: Path, given: dict[str, str]) -> Stage:
    """Do all steps, but for those that were done; the last stage."""
    file = folder / "done.json"
    done: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    stages: dict[str, Stage] = {}
    for name, steps in planned(given).items():
        known = done.get(name, [])
        if known != [mark for *_, mark in steps][: len(known)]:  # something else stands in it
            shutil.rmtree(folder / name)
            known = []
        stages[name] = Stage(folder, name)
        for number, (instruction, words, mark) in enumerate(steps):
            _step(stages, stages[name], instruction, words, given, number >= len(known))
            done[name] = [*known, mark] if number >= len(known) else known
            known = done[name]
            file.write_text(json.dumps(done), encoding="utf-8")
    return stages[name]


def _step(stages: dict[str, Stage], stage: Stage, instruction: str, words: str, given: dict[str, str], new: bool) -> None:
    if instruction == "FROM" and new:
        stage.do(["sh", "-c", PYTHON])
    elif instruction in ("ARG", "ENV"):
        for part in shlex.split(words):
            name, _, value = part.partition("=")
            own = value.replace("$PATH", stage.variables["PATH"])
            stage.variables[name] = given.get(name, own) if instruction == "ARG" else own
    elif instruction == "WORKDIR":
        stage.stand(words)
    elif instruction == "USER":
        stage.user = words
    elif instruction == "ENTRYPOINT":
        stage.entry = json.loads(words)
    elif instruction == "COPY" and new:
        _copy(stage, stages, shlex.split(words))
    elif instruction == "RUN" and new:
        print(f"{stage.name}: RUN {' '.join(words.split())}", flush=True)
        stage.do(["sh", "-c", words])


def _content(words: str) -> str:
    """A hash of the repository's files that a COPY names; of what it takes from a stage, the steps before it speak."""
    digest = hashlib.sha256()
    for name in ([] if "--from=" in words else shlex.split(words)[:-1]):
        for file in sorted((ROOT / name).rglob("*")) or [ROOT / name]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _copy(stage: Stage, stages: dict[str, Stage], words: list[str]) -> None:
    """COPY from the repository, or from what another stage has changed."""
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].folder / "changed"
    *files, to = words
    target = stage.folder / "changed" / (Path(to) if to.startswith("/") else Path(stage.place) / to).as_posix().lstrip("/")
    for file in files:
        what = source / file.lstrip("/")
        print(f"{stage.name}: COPY {file} {to}", flush=True)
        if what.is_dir():
            shutil.copytree(what, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(what, target / what.name)


def main() -> None:
    """Follow, then run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/gaitbridge-image"))
    parser.add_argument("--arg", action="append", default=[])
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("follow.py mounts file systems in a namespace of its own: run it as root")
    last = follow(given.folder.resolve(), dict(one.split("=", 1) for one in given.arg))
    if given.words:
        sys.exit(last.run([*last.entry, *given.words], last.user))


if __name__ == "__main__":
    main()
