"""LidarGait++: point clouds of a walk, in true metres."""
