"""ParsingGait: a ResNet-9 on body parts of pixels, and a graph of the parts."""
