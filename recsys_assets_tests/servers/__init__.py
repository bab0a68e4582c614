"""Real counterparts of what the platform talks to, on loopback."""
