"""SkeletonGait++: silhouettes and heatmaps of joints and limbs, fused."""
