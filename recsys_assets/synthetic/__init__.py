"""Generators of the embedded data: films, ratings and clicks made from a seed alone."""
