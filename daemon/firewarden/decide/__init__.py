"""What was seen becomes what should be done, and why."""
