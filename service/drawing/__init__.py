"""Drawing: maps of scores over their pictures, as PNG."""
