"""How far recovered 3D bodies are from the true ones."""
