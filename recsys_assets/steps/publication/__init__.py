"""Tables that readers see."""
