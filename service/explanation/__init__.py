"""Explanations: what is asked, the passes it takes, the maps they make, and how true those are."""
