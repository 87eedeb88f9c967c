"""`python -m service.scaling`: a day of requests to replicas that an autoscaler adds and removes.

A simulation, event by event: it starts no server. What one replica can do is measured before, by
`vitrine benchmark`, and given to it.
"""
