"""GaitGraph2: graph convolutions on skeletons as coordinates."""
