"""Sizes of pictures as they are written on the command line."""

from gaitbridge.errors import UserError


def height_width(text: str) -> tuple[int, int]:
    """Height and width of a text such as 64x64."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() and 1 <= int(part) <= 4096 for part in parts):
        raise UserError(f"--size {text!r}: write height x width in pixels, such as 64x64 or 64x44")
    return int(parts[0]), int(parts[1])
