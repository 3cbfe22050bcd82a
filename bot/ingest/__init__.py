"""From one HTTP delivery, or one act of a person, to rows and touched projections: the only write path."""
