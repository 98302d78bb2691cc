"""The operator's files as types: text in, policy out."""
