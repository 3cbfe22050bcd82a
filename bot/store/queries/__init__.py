"""What the rows say, asked: functions `(db, ...) -> rows` or small values; they write nothing."""
