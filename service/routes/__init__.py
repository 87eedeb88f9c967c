"""The HTTP routes, one file each for what they are about."""
