"""What real segmentation does to a silhouette."""
import numpy as np


def degrade(masks: np.ndarray, random: np.random.Generator, level: float = 1.0, night: bool = False) -> np.ndarray:
    """Placeholder until the error model lands: returns a copy."""
    return masks.copy()
