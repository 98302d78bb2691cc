"""Acts: claims, reads once more, calls, reads back, and writes down what became of it."""
