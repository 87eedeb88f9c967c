"""Hours of good and bad requests, reloads and a killed worker, in minutes."""
