"""The page: HTML made of what the HTTP interface answers, for whoever is signed in; what changes something the browser asks of that interface."""
