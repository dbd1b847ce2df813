"""Two ways to recognise, compared on the same probes."""
