"""A long run of good and bad requests, reloads and a killed worker, and what must hold after it."""
