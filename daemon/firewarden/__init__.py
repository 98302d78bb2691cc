"""Keeps on-demand GPU deployments from costing more than they should."""

__version__ = "0.1.0"
