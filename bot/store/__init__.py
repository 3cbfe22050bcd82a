"""What we know: rows, the projection, and the transaction runner."""
