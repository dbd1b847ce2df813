"""DiffCrossGait: trajectory-level alignment of silhouettes and LiDAR range views by latent diffusion (Lu and Cheng, ICML 2026)."""
