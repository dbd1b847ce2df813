"""Changes to training pictures, a file each: `augment(pictures, random)` of one sequence, the same change in all of its frames.

pictures: uint8 [T, ..., H, W] by name, all of one size; those called `parsing` are labels, which no mean may be taken of. What comes back are new
pictures of the same names, shapes and type. random: the generator that all draws are taken from, and the only one. Whether a sequence is changed is
drawn by `data.augmentation`; plug-ins' files stand here as if they were of this folder (its `further`).
"""
