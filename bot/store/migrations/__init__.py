"""Alembic migrations, shipped in the wheel; forwards only."""
