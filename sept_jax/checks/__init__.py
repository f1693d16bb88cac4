"""Checks of text that need no model and no jax; scoring workers import only this room."""
