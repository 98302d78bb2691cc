"""Puts the parts together and runs them: settings, logs, schedule, roles."""
