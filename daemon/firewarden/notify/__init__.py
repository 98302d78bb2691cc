"""Tells people: delivers notices to where they look."""
