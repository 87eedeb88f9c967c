"""Runs `python -m service.scaling`."""

from service.scaling.cli import main

main()
