"""The figures of this project, each beside its floor or its peer, measured in the same run."""
