"""Changes to training pictures beside `data.augmentation`'s flips, turns and tilts: a module each.

A module holds `augment(pictures, random)`: pictures uint8 [T, ..., H, W] of one sequence by name, a new dict of the same shapes comes back; `random`
is a NumPy generator, the only one to draw from.
"""
