"""Slack: what its messages look like, and how they get there."""
