"""Sensors: one file each, `silhouette_camera` and `spinning_lidar`. See `conventions` for frames, angles and range views."""
