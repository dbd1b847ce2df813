"""SkeletonGait: DeepGaitV2 on heatmaps of joints and limbs."""
