"""GaitBase: a ResNet-9 on silhouettes."""
