"""Incidents in a ticket system: what we show there, and reading back what people did there."""
