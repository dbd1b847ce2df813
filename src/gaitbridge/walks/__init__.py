"""What a recorded walk is worth: measures of its figure and its legs, and one score."""

FLOOR = 0.2  # what is enrolled and searched scores as much
NONSENSE = 0.1  # below, it is no walk of anybody: noise, an arm, half a body
