"""Jobs, schedules and sensors: what runs when, and who is told."""
