"""Control planes of GPU providers, each behind the `Provider` port: ours to read, or simulated."""
