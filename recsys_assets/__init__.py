"""Recommender systems as versioned data assets."""
