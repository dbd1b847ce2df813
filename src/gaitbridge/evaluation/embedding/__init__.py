"""Pass 1: sequences of a store to a file of embeddings, what such a file holds, and what the network costs."""
