"""LidarGait: GaitBase's network on what a LiDAR sees, as pictures of depth."""
