"""How fast a server answers, and how near that is to what the machine could do."""
