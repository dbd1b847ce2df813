"""Libraries of the extra `lidar`, imported when a file needs them."""

import importlib
from pathlib import Path
from typing import Any

from gaitbridge.errors import UserError

INSTALLED_AS = {"laspy": "laspy[lazrs]", "rosbags": "rosbags", "velodyne_decoder": "velodyne-decoder"}


def needed(module: str, path: Path) -> Any:
    """The module, or a UserError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = INSTALLED_AS[module.split(".")[0]]
        raise UserError(f"{path}: reading {path.suffix or 'such bags'} needs {package.split('[')[0]}: pip install 'gaitbridge[lidar]' "
                        f"(or '{package}')") from error
