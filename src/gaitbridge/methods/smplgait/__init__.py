"""SMPLGait: silhouettes, their features transformed by SMPL bodies."""
