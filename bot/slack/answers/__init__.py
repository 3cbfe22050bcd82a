"""What a person gets who asks: unlike cards these are seen once, so they may speak of "3 d ago"."""
