"""Serves what is known over HTTP: health, readiness, metrics. Reads only."""
