"""Where the mates of each probe stand: distances of part embeddings, many against many, quick and exact."""
