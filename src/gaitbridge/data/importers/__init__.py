"""Importers of the public gait datasets, one file a dataset; what they share is in the files that begin with _.

A dataset's file holds `DATASET` (facts), `named(kind, view)` (the fields of `types.Labels` that its folder names say), `read(reading)` (the
arrays of one sequence) and, where the split follows from the ids, `split_of(person)`. The published tree is `SRC/person/type/view/files`.
"""
