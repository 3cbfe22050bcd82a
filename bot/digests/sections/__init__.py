"""The parts of a digest, in the order in which they are added; a new one is a module here and a line in SECTIONS."""

from bot.digests.sections import chart, decisions, details, facts, notes, table, verdict
from bot.digests.telling import Section

SECTIONS: tuple[Section, ...] = (
    verdict.add,
    decisions.add,
    table.add,
    chart.add,
    notes.add,
    facts.add,
    details.add,
)
