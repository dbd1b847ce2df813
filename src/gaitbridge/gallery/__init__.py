"""People enrolled by how they walk: templates, searched and verified across sensors, kept no longer than agreed and gone when forgotten."""
