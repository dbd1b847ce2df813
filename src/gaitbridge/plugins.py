"""A folder is the registry: every module or sub-package of a package is a plug-in, named after its file.

Beside what is built in stand plug-ins of one's own: files and folders (`plugin_files`) given with --plugin, in GAITBRIDGE_PLUGINS, or by installed
packages in the entry points `gaitbridge.plugins`. Their code is run, with the rights of whoever runs the program: only their own hand gives them.
"""

import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from gaitbridge.errors import UserError, nearest, words_of
from gaitbridge.plugin_files import Plugin, read_plugin
from gaitbridge.printing import tell

PACKAGES = {"methods": "gaitbridge.methods", "losses": "gaitbridge.losses", "importers": "gaitbridge.data.importers",
            "augmentations": "gaitbridge.data.augmentations", "studies": "gaitbridge.training.plugged_studies", "protocols": ""}
KIND_OF = {package: kind for kind, package in PACKAGES.items() if package}
VARIABLE, GROUP = "GAITBRIDGE_PLUGINS", "gaitbridge.plugins"
PARTS = ("network", "objective", "recipes")  # of a method, which may be one file
_found: dict[Path, Plugin] = {}
_state = {"looked": False}
_used: set[Path] = set()
_said: set[tuple[str, str]] = set()


def names(package: str) -> list[str]:
    """Names of the plug-ins in the folder of `package` (a dotted name), sorted; files beginning with _ are private. One's own are among them."""
    above, _, name = package.rpartition(".")
    if above == PACKAGES["methods"] and name not in _built_in(above) and ("methods", name) in given():
        module = load(above, name)
        if not hasattr(module, "__path__"):
            return sorted(PARTS)
    own = [one for kind, one in given() if kind == KIND_OF[package]] if package in KIND_OF else []
    return sorted({*_built_in(package), *own})


def _built_in(package: str) -> list[str]:
    folder = importlib.import_module(package).__path__
    return [found.name for found in pkgutil.iter_modules(folder) if not found.name.startswith("_")]


def load(package: str, name: str) -> ModuleType:
    """The module `name` of the folder `package`; an unknown name raises UserError with the nearest one."""
    if name not in (known := names(package)):
        kind = package.rsplit(".", 1)[-1]
        raise UserError(f"unknown {kind} {name!r}: {nearest(name, known)}")
    above, _, method = package.rpartition(".")
    if package in KIND_OF and (KIND_OF[package], name) in given():
        return _loaded(package, name, given()[KIND_OF[package], name])
    if above == PACKAGES["methods"] and ("methods", method) in given() and not hasattr(module := load(above, method), "__path__"):
        return module  # all parts are in one file
    return importlib.import_module(f"{package}.{name}")


def given() -> Mapping[tuple[str, str], Path]:
    """What plug-ins of one's own give, by (kind, name)."""
    _look()
    return {what: path for plugin in _found.values() for what, path in plugin.gives.items()}


def plugged() -> list[Plugin]:
    """The plug-ins of one's own, in the order in which they were found."""
    _look()
    return list(_found.values())


def use(paths: Iterable[Path | str]) -> None:
    """Take plug-ins from now on, here and in the processes that this one starts. UserError where one is none, or takes a name that is taken."""
    _look()
    for path in paths:
        _add(read_plugin(Path(path)))
    kept = [word for word in os.environ.get(VARIABLE, "").split(os.pathsep) if word]
    new = [str(Path(path).expanduser().resolve()) for path in paths]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*kept, *new]))


def forget() -> None:
    """Forget plug-ins given so far, as if the process had just begun; of tests."""
    for plugin in _found.values():
        for kind, name in plugin.gives:
            package = PACKAGES[kind]
            for module in [module for module in sys.modules if module == f"{package}.{name}" or module.startswith(f"{package}.{name}.")]:
                del sys.modules[module]
            if package in sys.modules and hasattr(sys.modules[package], name):
                delattr(sys.modules[package], name)
    _found.clear()
    _used.clear()
    _said.clear()
    _state["looked"] = False


def note_use(path: Path) -> None:
    """Note that something of the plug-in was taken, for the provenance of what is made with it."""
    _used.update(plugin.path for plugin in _found.values() if path in plugin.gives.values())


def used() -> list[dict[str, Any]]:
    """The plug-ins that something was taken of in this process, for provenance: path, hash, what they give."""
    return [{"path": str(plugin.path), "sha256": plugin.sha256, "gives": sorted("/".join(what) for what in plugin.gives)}
            for plugin in _found.values() if plugin.path in _used]


def blamed(error: BaseException) -> str:
    """FILE:LINE of the plug-in in whose code an error arose, or passed through last; empty where none was."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) for plugin in _found.values()
              if Path(frame.filename).is_relative_to(plugin.path)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def require(noted: Iterable[Mapping[str, Any]], what: str) -> None:
    """See that the plug-ins that something was made with (`used`) are there; what: that, in words. UserError names the one that is missing.

    One whose files have changed since is said, once, and taken all the same.
    """
    here = {f"{kind}/{name}": plugin for plugin in plugged() for kind, name in plugin.gives}
    for one in noted:
        lacking = [name for name in one["gives"] if name not in here]
        if lacking:
            raise UserError(f"{what} needs the plug-in {one['path']} (it gives {', '.join(one['gives'])}; SHA-256 {one['sha256'][:16]}): give it "
                            "with --plugin PATH")
        now = here[one["gives"][0]]
        if now.sha256 != one["sha256"] and (mark := (now.sha256, one["sha256"])) not in _said:
            _said.add(mark)
            tell(f"note: {what} was made with another version of the plug-in {now.path} (SHA-256 {one['sha256'][:16]}, now {now.sha256[:16]})")


def _look() -> None:
    """Find, once in a process, what the environment and installed packages give."""
    if _state["looked"]:
        return
    _state["looked"] = True
    for point in entry_points(group=GROUP):
        _add(read_plugin(_place_of(point)))
    for word in os.environ.get(VARIABLE, "").split(os.pathsep):
        if word:
            _add(read_plugin(Path(word)))


def _place_of(point: EntryPoint) -> Path:
    """The file or folder of a module that an installed package names; it is not run."""
    words = f"the plug-in {point.name!r} of the installed package {point.dist.name if point.dist else '?'}"
    try:
        spec = importlib.util.find_spec(point.module)
    except (ImportError, ValueError) as error:
        raise UserError(f"{words} cannot be found ({words_of(error)}): install that package anew, or remove it") from error
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise UserError(f"{words} names no module that there is ({point.module}): install that package anew, or remove it")
    return Path(next(iter(spec.submodule_search_locations))) if spec.submodule_search_locations else Path(str(spec.origin))


def _add(plugin: Plugin) -> None:
    """Take a plug-in. UserError where a name is built in, or another plug-in's."""
    if plugin.path in _found:
        return
    for kind, name in plugin.gives:
        if PACKAGES[kind] and name in _built_in(PACKAGES[kind]):
            raise UserError(f"the plug-in {plugin.path} gives {kind}/{name}, which is the name of one that is built in: give yours another name")
        for other in _found.values():
            if (kind, name) in other.gives:
                raise UserError(f"the plug-ins {other.path} and {plugin.path} both give {kind}/{name}: leave one out, or give it another name")
    _found[plugin.path] = plugin


def _loaded(package: str, name: str, path: Path) -> ModuleType:
    """Run a plug-in's module as `package.name`. UserError where it cannot be imported."""
    note_use(path)
    full = f"{package}.{name}"
    if full in sys.modules:
        return sys.modules[full]
    importlib.import_module(package)
    file = path / "__init__.py" if path.is_dir() else path
    spec = importlib.util.spec_from_file_location(full, file, submodule_search_locations=[str(path)] if path.is_dir() else None)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except UserError:
        del sys.modules[full]
        raise
    except Exception as error:  # whatever somebody's code does
        del sys.modules[full]
        raise UserError(f"the plug-in {blamed(error) or file} cannot be imported ({words_of(error)}): mend it, or leave it out") from error
    setattr(sys.modules[package], name, module)
    return module
