"""GaitTR: attention between the joints of skeletons as coordinates, and convolutions over time."""
