"""Pass 2: a file of embeddings under a protocol, to numbers."""
