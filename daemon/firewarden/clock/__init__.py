"""The only package that may ask the time, or wait."""
