"""GaitGL: 3D convolutions of the whole picture and of its strips."""
