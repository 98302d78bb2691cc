"""Readings become evidence of use, segments, GPU-seconds and money."""
