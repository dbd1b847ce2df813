"""Where clothes are on a body: its zones. Joint names are those of the body's rig (cmu_mb)."""

ZONES = {  # by words in the bone's name, the first that fits
    "hand": ("Hand", "Finger", "Thumb"),
    "forearm": ("ForeArm",),
    "upper_arm": ("Arm",),
    "foot": ("Foot", "Toe"),
    "thigh": ("UpLeg",),
    "shin": ("Leg",),
    "head": ("Head", "Neck1"),
    "neck": ("Neck",),
    "torso": ("",),
}


def zone_of(bone: str) -> str:
    """The zone of clothing that a bone belongs to."""
    return next(zone for zone, words in ZONES.items() if any(word in bone for word in words))
