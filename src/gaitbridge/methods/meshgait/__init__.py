"""Mesh-Gait: recognise from silhouettes and from the 3D heatmaps reconstructed from them."""
