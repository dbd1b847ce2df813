"""What a recorded walk is worth: measures of its figure and its legs, and one score."""
