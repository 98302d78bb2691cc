"""A simulated Fireworks account: physics, control plane over HTTP, faults, the exact truth."""
