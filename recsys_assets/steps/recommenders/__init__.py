"""The other recommenders and the hybrid of them all."""
