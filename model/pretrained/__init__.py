"""Turns public Vision Transformers, as their authors publish them, into Vitrine's own.

Read `conversion.py` first: it puts the other files together, each of which is one noun.
"""
