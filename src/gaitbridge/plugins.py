"""A folder is the registry: every module or sub-package of a package is a plug-in, named after its file."""

import importlib
import pkgutil
from types import ModuleType

from gaitbridge.errors import UserError, nearest


def names(package: str) -> list[str]:
    """Names of the plug-ins in the folder of `package` (a dotted name), sorted; files beginning with _ are private."""
    folder = importlib.import_module(package).__path__
    return sorted(found.name for found in pkgutil.iter_modules(folder) if not found.name.startswith("_"))


def load(package: str, name: str) -> ModuleType:
    """The module `name` of the folder `package`; an unknown name raises UserError with the nearest one."""
    if name not in (known := names(package)):
        kind = package.rsplit(".", 1)[-1]
        raise UserError(f"unknown {kind} {name!r}: {nearest(name, known)}")
    return importlib.import_module(f"{package}.{name}")
