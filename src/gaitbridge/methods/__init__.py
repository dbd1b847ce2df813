"""Methods: one folder each, with `network.py` (what is deployed), `objective.py` (training only), `recipes.py` (complete runs)."""
