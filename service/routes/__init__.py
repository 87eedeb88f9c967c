"""The HTTP routes, and the stages that they share."""
