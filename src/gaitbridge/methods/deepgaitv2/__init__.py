"""DeepGaitV2: a deeper network on silhouettes, in 2D, pseudo-3D or 3D."""
