"""The loop that keeps every copy equal to the rows."""
