"""MultiGait++: silhouettes and parsed bodies, split into what they share and what each has alone."""
