"""What assets work with: compute, storage, alerts."""
