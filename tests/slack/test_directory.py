"""The workspace's people and channels: a name is whose it is now."""

from sqlmodel import Session

from bot.slack.directory import store
from bot.store.queries.directory import channel_ids, name_of, user_ids


def test_a_name_that_another_one_took_over_is_theirs(db: Session) -> None:
    store(db, [("C01NEW", "channel", "ml-fraud-2"), ("C02OLD", "channel", "ml-fraud"), ("U02", "user", "bob")])
    store(db, [("U01NEW", "user", "alicia"), ("U09OLD", "user", "alice")])

    store(db, [("C01NEW", "channel", "ml-fraud"), ("U01NEW", "user", "alice"), ("U02", "user", "ml-fraud")])

    assert channel_ids(db, ["#ml-fraud"]) == {"#ml-fraud": "C01NEW"}
    assert user_ids(db, ["@alice"]) == {"@alice": "U01NEW"}


def test_what_is_gone_stays_known_by_its_name_while_nobody_else_has_it(db: Session) -> None:
    store(db, [("C01OLD", "channel", "ml-fraud")])

    store(db, [("C02NEW", "channel", "ml-risk")])

    assert name_of(db, "C01OLD") == "ml-fraud"
