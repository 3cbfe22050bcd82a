"""The projection's rules: who may claim when, and what a settle writes. `now` is passed; nothing sleeps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlmodel import Session, select

from bot.domain import keys
from bot.store import projection
from bot.store.projection import CALM, COUNTS, FIRST, LEASE, LONGEST_PAUSE, PAUSE, Claim, claim, touch
from bot.store.tables import AlertGroup, Incident, Projection

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = "slack/group/7"
SECOND = timedelta(seconds=1)


def row(db: Session, key: str = KEY) -> Projection:
    db.expire_all()
    return db.get_one(Projection, key)


def held(db: Session, at: datetime, key: str = KEY) -> Claim:
    others = db.exec(select(Projection.key).where(Projection.key != key)).all()
    found = claim(db, at, "", in_flight=others)
    assert found is not None
    return found


def shown(db: Session, at: datetime, key: str = KEY, *, remote_id: str = "C1:1.1", digest: str = "d1") -> Claim:
    """Claim KEY at AT and settle it as shown."""
    taken = held(db, at, key)
    assert projection.settle_shown(db, at, taken, remote_id=remote_id, shown=digest)
    return taken


def due(db: Session, key: str = KEY) -> datetime:
    return row(db, key).not_before


def test_a_new_copy_waits_a_second_for_the_rest_of_what_opened_it(db: Session) -> None:
    touch(db, NOW, KEY)
    touch(db, NOW + SECOND / 2, KEY)

    assert claim(db, NOW + FIRST - SECOND / 100, "slack/") is None
    assert held(db, NOW + FIRST).generation == 2


def test_a_person_does_not_wait(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)

    assert held(db, NOW).urgent


def test_a_key_named_twice_is_touched_once(db: Session) -> None:
    touch(db, NOW, KEY, KEY)

    assert row(db).generation == 1


def test_a_claim_hides_the_copy_for_a_lease_and_not_longer(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)

    assert claim(db, NOW + LEASE - SECOND, "slack/") is None
    second = held(db, NOW + LEASE)
    assert second.lease != first.lease


def test_what_this_process_still_works_on_is_not_claimed_again_though_its_lease_ran_out(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    held(db, NOW)

    assert claim(db, NOW + 2 * LEASE, "slack/", in_flight=(KEY,)) is None
    assert projection.next_due(db, "slack/", in_flight=(KEY,)) is None


def test_a_worker_that_lost_its_lease_settles_nothing(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    slow = held(db, NOW)
    quick = held(db, NOW + LEASE)

    outcomes = [
        projection.settle_shown(db, NOW, slow, remote_id="C1:9.9", shown="old"),
        projection.settle_nothing(db, NOW, slow),
        projection.settle_later(db, NOW, slow, after=SECOND, error="x", unsent=True),
        projection.settle_gone(db, NOW, slow),
        projection.settle_rootless(db, NOW, slow, after=SECOND, error="x"),
        projection.settle_refused(db, NOW, slow, error="x"),
    ]

    assert outcomes == [False] * 6
    assert (row(db).remote_id, row(db).error, row(db).lease) == (None, "", quick.lease)
    assert projection.settle_shown(db, NOW, quick, remote_id="C1:1.1", shown="new")


def test_a_settle_observes_the_generation_that_was_claimed_and_no_later_one(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    taken = held(db, NOW)
    touch(db, NOW, KEY)

    projection.settle_shown(db, NOW, taken, remote_id="C1:1.1", shown="d1")

    assert (row(db).observed_generation, row(db).generation, row(db).lagging) == (1, 2, True)
    assert due(db) == NOW + CALM


def test_what_a_person_did_while_the_copy_was_being_sent_is_drawn_at_once(db: Session) -> None:
    touch(db, NOW, KEY)
    taken = held(db, NOW + FIRST)
    touch(db, NOW + FIRST, KEY, urgent=True)

    projection.settle_shown(db, NOW + 2 * SECOND, taken, remote_id="C1:1.1", shown="d1")

    assert held(db, NOW + 2 * SECOND).urgent


def test_a_person_is_served_before_a_new_copy_and_that_before_an_edit(db: Session) -> None:
    touch(db, NOW, "slack/group/1", urgent=True)
    shown(db, NOW, "slack/group/1")
    touch(db, NOW, "slack/group/1")
    touch(db, NOW + 5 * SECOND, "slack/group/2")
    touch(db, NOW + 7 * SECOND, "slack/group/3", urgent=True)

    order = [found.key for _ in range(3) if (found := claim(db, NOW + 9 * SECOND, "slack/"))]

    assert order == ["slack/group/3", "slack/group/2", "slack/group/1"]


def test_incidents_and_storms_come_before_cards(db: Session) -> None:
    keys_by_age = ("slack/group/1", "slack/storm/1", "slack/group/2", "slack/incident/1")
    for age, key in enumerate(keys_by_age):
        touch(db, NOW + age * SECOND, key)

    order = [found.key for _ in range(4) if (found := claim(db, NOW + 9 * SECOND, "slack/"))]

    assert order == ["slack/storm/1", "slack/incident/1", "slack/group/1", "slack/group/2"]


def test_what_waits_for_budget_is_passed_over_unless_a_person_waits_for_it(db: Session) -> None:
    touch(db, NOW, KEY)
    passed_over = claim(db, NOW + FIRST, "slack/", waiting=(KEY,))
    touch(db, NOW + FIRST, KEY, urgent=True)

    assert passed_over is None
    assert claim(db, NOW + FIRST, "slack/", waiting=(KEY,)) is not None


def test_what_was_shown_of_late_leaves_an_edit_for_each_message_that_lags(db: Session) -> None:
    for key in (KEY, "slack/group/8", "slack/group/9", keys.home("U1")):
        touch(db, NOW, key, urgent=True)
        shown(db, NOW, key)
    for key in (KEY, "slack/group/8", keys.home("U1"), "slack/group/10"):
        touch(db, NOW + 10 * SECOND, key)

    soon = held(db, NOW + 20 * SECOND)
    projection.settle_hot(db, NOW + 20 * SECOND, soon, after=SECOND)
    later = held(db, NOW + LONGEST_PAUSE)

    assert (soon.spare, later.spare) == (2, 0)


def test_a_card_that_leaves_its_edit_to_others_is_looked_at_when_calm_or_when_there_is_one(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    touch(db, NOW + SECOND, KEY)
    at = due(db)
    projection.settle_hot(db, at, held(db, at), after=20 * SECOND)
    if_calm = due(db)
    for seconds in range(30):
        touch(db, at + seconds * SECOND, KEY)

    assert if_calm == at + CALM
    assert due(db) == at + 20 * SECOND


def test_since_when_a_copy_is_behind_is_known_until_it_is_not(db: Session) -> None:
    touch(db, NOW, KEY)
    touch(db, NOW + SECOND, KEY)
    first = row(db).behind_since
    taken = held(db, NOW + 5 * SECOND)
    touch(db, NOW + 6 * SECOND, KEY)
    projection.settle_shown(db, NOW + 7 * SECOND, taken, remote_id="C1:1.1", shown="d1")
    during = row(db).behind_since
    shown(db, NOW + 20 * SECOND)
    touch(db, NOW + 30 * SECOND, KEY)

    assert (first, during, row(db).behind_since) == (NOW, NOW + 5 * SECOND, NOW + 30 * SECOND)


def test_workers_of_one_surface_do_not_take_copies_of_another(db: Session) -> None:
    touch(db, NOW, "jira/incident/1", urgent=True)

    assert claim(db, NOW, "slack/") is None
    assert claim(db, NOW, "jira/") is not None


def test_an_edit_waits_for_a_calm_moment(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    later = NOW + timedelta(minutes=5)
    touch(db, later, KEY)
    touch(db, later + SECOND, KEY)

    assert due(db) == later + SECOND + CALM


def test_changes_that_do_not_end_are_shown_at_the_deadline(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    later = NOW + timedelta(minutes=5)

    for n in range(20):
        touch(db, later + n * SECOND, KEY)

    assert due(db) == later + PAUSE


def test_the_pause_of_a_hot_card_doubles_up_to_a_minute_and_a_calm_one_starts_anew(db: Session) -> None:
    at, pauses = NOW, []
    for _ in range(7):
        touch(db, at, KEY, urgent=True)
        shown(db, at)
        pauses.append(row(db).pause_s)
        at += SECOND
    touch(db, at + timedelta(minutes=10), KEY, urgent=True)
    shown(db, at + timedelta(minutes=10))

    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert pauses[-1] == LONGEST_PAUSE.total_seconds()
    assert row(db).pause_s == 5


def test_a_storm_costs_a_card_a_few_edits_and_ends_with_the_last_change(db: Session) -> None:
    edits = []
    for tenth in range(1200):  # an alert every 100 ms for two minutes, then calm
        at = NOW + tenth * SECOND / 10
        if tenth < 600:
            touch(db, at, KEY)
        if (taken := claim(db, at, "slack/")) is not None:
            edits.append(at)
            projection.settle_shown(db, at, taken, remote_id="C1:1.1", shown=f"d{len(edits)}")

    assert len(edits) <= 7
    assert not row(db).lagging
    assert edits[-1] - (NOW + 60 * SECOND) <= timedelta(seconds=5)


def test_a_storm_that_never_leaves_the_card_alone_does_not_cost_more(db: Session) -> None:
    edits = []
    for tenth in range(1300):  # as above, but a call takes 100 ms, and alerts only count higher
        at = NOW + tenth * SECOND / 10
        taken = claim(db, at, "slack/")
        if tenth < 1200:
            touch(db, at, KEY, wait=COUNTS)
        if taken is not None:
            edits.append(at)
            projection.settle_shown(db, at, taken, remote_id="C1:1.1", shown=f"d{len(edits)}")

    assert len(edits) <= 7
    assert edits[-1] - (NOW + 120 * SECOND) <= timedelta(seconds=5)
    assert max(later - earlier for earlier, later in pairwise(edits)) <= LONGEST_PAUSE


def test_counts_may_wait_longer_than_news(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    later = NOW + timedelta(minutes=5)

    touch(db, later, KEY, wait=COUNTS)

    assert due(db) == later + COUNTS


def test_counts_never_put_off_what_is_due_already(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    later = NOW + timedelta(minutes=5)
    touch(db, later, KEY)
    news = due(db)

    for n in range(1, 14):
        touch(db, later + n * SECOND / 10, KEY, wait=COUNTS)

    assert due(db) == news


def test_counts_alone_are_shown_though_they_never_stop(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    later = NOW + timedelta(minutes=5)

    for n in range(30):
        touch(db, later + n * SECOND / 2, KEY, wait=COUNTS)

    assert due(db) == later + PAUSE


def test_a_person_hurries_what_waits(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    touch(db, NOW + SECOND, KEY)

    touch(db, NOW + 2 * SECOND, KEY, urgent=True)
    touch(db, NOW + 2.1 * SECOND, KEY)

    assert due(db) <= NOW + 2.1 * SECOND


def test_a_touch_does_not_shorten_a_lease_or_a_back_off(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    taken = held(db, NOW)
    touch(db, NOW, KEY, urgent=True)
    leased = due(db)
    projection.settle_later(db, NOW, taken, after=30 * SECOND, error="Slack cannot be reached", unsent=True)
    touch(db, NOW + SECOND, KEY, urgent=True)

    assert leased == NOW + LEASE
    assert due(db) == NOW + 30 * SECOND


def test_the_first_claim_writes_a_nonce_down_and_the_next_one_finds_it_again(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)
    again = held(db, NOW + LEASE)

    assert (first.fresh, again.fresh) == (True, False)
    assert first.nonce
    assert (again.nonce, again.nonce_at) == (first.nonce, first.nonce_at)


def test_a_create_that_was_certainly_not_sent_leaves_nothing_to_look_for(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)
    projection.settle_later(db, NOW, first, after=SECOND, error="", unsent=True)
    second = held(db, NOW + SECOND)

    assert second.fresh
    assert second.nonce != first.nonce


def test_a_create_that_may_have_been_sent_keeps_its_nonce_through_a_later_refusal(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)
    projection.settle_later(db, NOW, first, after=SECOND, error="no answer", unsent=False, looks=0)
    second = held(db, NOW + SECOND)
    projection.settle_later(db, NOW + SECOND, second, after=SECOND, error="", unsent=True)
    third = held(db, NOW + 2 * SECOND)

    assert (second.fresh, third.fresh) == (False, False)
    assert third.nonce == first.nonce


def test_looks_are_counted_through_a_wait_and_begin_anew_after_a_send(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)
    projection.settle_later(db, NOW, first, after=SECOND, error="looking", unsent=False, looks=1)
    second = held(db, NOW + SECOND)
    projection.settle_later(db, NOW + SECOND, second, after=SECOND, error="", unsent=True)
    third = held(db, NOW + 2 * SECOND)
    projection.settle_later(db, NOW + 2 * SECOND, third, after=SECOND, error="no answer", unsent=False, looks=0)

    assert (second.looks, third.looks, row(db).looks) == (1, 1, 0)


def test_attempts_in_vain_are_counted_until_one_succeeds_and_waits_for_budget_are_none(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    at = NOW
    for error in ("down", "", "down"):
        projection.settle_later(db, at, held(db, at), after=SECOND, error=error, unsent=True)
        at += SECOND
    in_vain = row(db).attempts
    shown(db, at)

    assert (in_vain, row(db).attempts, row(db).error) == (2, 0, "")


def test_a_copy_that_was_deleted_is_made_anew_under_a_new_nonce(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = shown(db, NOW)
    touch(db, NOW, KEY, urgent=True)
    projection.settle_gone(db, NOW, held(db, NOW))
    again = held(db, NOW)

    assert (again.remote_id, again.shown, again.fresh) == (None, "", True)
    assert again.nonce != first.nonce


def test_a_refused_copy_waits_for_the_next_change_and_says_why(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    projection.settle_refused(db, NOW, held(db, NOW), error="msg_too_long")
    quiet = claim(db, NOW + timedelta(hours=1), "slack/")
    why = row(db).error
    touch(db, NOW + timedelta(hours=1), KEY)

    assert quiet is None
    assert why == "msg_too_long"
    assert claim(db, NOW + timedelta(hours=1), "slack/") is not None


def test_nothing_to_send_is_settled_and_takes_the_error_away(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    projection.settle_later(db, NOW, held(db, NOW), after=SECOND, error="down", unsent=True)
    projection.settle_nothing(db, NOW + SECOND, held(db, NOW + SECOND))

    assert (row(db).lagging, row(db).error, row(db).lease, row(db).urgent) == (False, "", "", False)
    assert row(db).nonce is None


def test_a_remote_id_that_becomes_known_touches_the_thread_and_what_shows_it(db: Session) -> None:
    incident, log = keys.incident(4), keys.incident_log(4, 1)
    touch(db, NOW, incident, urgent=True)
    shown(db, NOW, incident)
    touch(db, NOW, log, urgent=True)
    projection.settle_nothing(db, NOW, held(db, NOW, log))
    touch(db, NOW, incident, urgent=True)
    projection.settle_gone(db, NOW, held(db, NOW, incident))
    before = {key: row(db, key).generation for key in (*keys.incident_keys(4), log)}

    shown(db, NOW, incident, remote_id="C1:2.2")

    after = {key: row(db, key).generation for key in before}
    assert {key for key in before if after[key] > before[key]} == set(before) - {incident}


def test_an_edit_in_place_touches_nobody(db: Session) -> None:
    incident = keys.incident(4)
    touch(db, NOW, incident, urgent=True)
    shown(db, NOW, incident)
    before = row(db, keys.ticket(4)).generation
    touch(db, NOW, incident, urgent=True)

    shown(db, NOW, incident, digest="d2")

    assert row(db, keys.ticket(4)).generation == before


def test_a_reply_without_a_root_has_the_root_looked_at(db: Session) -> None:
    root, log = keys.digest("weekly", NOW.date(), "ml"), keys.digest_thread("weekly", NOW.date(), "ml")
    touch(db, NOW, root, urgent=True)
    shown(db, NOW, root)
    touch(db, NOW, log, urgent=True)

    projection.settle_rootless(db, NOW, held(db, NOW, log), after=5 * SECOND, error="thread_not_found")

    assert (row(db, root).lagging, row(db, root).shown, row(db, root).remote_id) == (True, "", "C1:1.1")
    assert (row(db, log).error, due(db, log)) == ("thread_not_found", NOW + 5 * SECOND)


def test_leases_of_a_process_that_died_are_freed_and_their_nonces_kept(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    first = held(db, NOW)
    touch(db, NOW, "slack/group/8", urgent=True)

    freed = projection.release_leases(db, NOW + SECOND)

    assert freed == 1
    db.expire_all()
    again = claim(db, NOW + SECOND, "slack/", in_flight=("slack/group/8",))
    assert again is not None
    assert (again.key, again.fresh, again.nonce) == (KEY, False, first.nonce)


def test_the_sweep_touches_what_was_shown_lately_but_no_digest(db: Session) -> None:
    old, digest = "slack/group/1", keys.digest("weekly", NOW.date(), "ml")
    for key, at in ((old, NOW - timedelta(days=40)), (KEY, NOW), (digest, NOW)):
        touch(db, at, key, urgent=True)
        shown(db, at, key)

    touched = projection.touch_open(db, NOW + timedelta(days=1), NOW - timedelta(days=30))

    assert touched == 1
    assert [key for key in (old, KEY, digest) if row(db, key).lagging] == [KEY]


def test_touching_what_is_there_makes_nothing_new(db: Session) -> None:
    touch(db, NOW, "slack/home/U1", "slack/homely", urgent=True)

    projection.touch_existing(db, NOW, keys.ALL_HOMES)
    projection.touch_existing(db, NOW, "slack/storm/")

    assert (row(db, "slack/home/U1").generation, row(db, "slack/homely").generation) == (2, 1)
    assert db.get(Projection, "slack/storm/") is None


def test_the_next_due_time_is_that_of_the_earliest_copy_that_lags(db: Session) -> None:
    touch(db, NOW, KEY, urgent=True)
    shown(db, NOW)
    touch(db, NOW, "slack/group/8")
    touch(db, NOW + SECOND, "slack/group/9")
    touch(db, NOW - SECOND, "jira/incident/1")

    assert projection.next_due(db, "slack/") == NOW + FIRST


def test_trouble_with_a_ticket_that_begins_or_ends_is_told_on_the_card_and_in_notes_that_there_are(db: Session) -> None:
    ticket, card, note = keys.ticket(1), keys.incident(1), keys.operator_note("alice", "jira")
    touch(db, NOW, note, ticket, urgent=True)
    shown(db, NOW, note, remote_id="D1:1.1")

    trouble = held(db, NOW, ticket)
    projection.settle_later(db, NOW, trouble, after=SECOND, error="503", unsent=True)
    begun = (row(db, card).generation, row(db, note).generation)
    again = held(db, NOW + SECOND, ticket)
    projection.settle_later(db, NOW + SECOND, again, after=SECOND, error="503", unsent=True)
    same = (row(db, card).generation, row(db, note).generation)
    over = held(db, NOW + 2 * SECOND, ticket)
    projection.settle_nothing(db, NOW + 2 * SECOND, over)

    assert begun == same == (1, 2)
    assert (row(db, card).generation, row(db, note).generation) == (2, 3)
    assert db.get(Projection, keys.operator_note("bob", "jira")) is None


def test_a_card_that_is_being_drawn_while_its_incident_gets_a_thread_is_drawn_again(db: Session) -> None:
    told = {"channel": "#general", "severity": "sev2", "opened_at": NOW}
    db.add(Incident(id=1, title="x", status="investigating", onset_at=NOW, **told))
    db.flush()
    db.add(
        AlertGroup(id=7, symptom="Drift", status="firing", alert_class="hard", recorded_at=NOW, incident_id=1, **told)
    )
    db.flush()
    touch(db, NOW, KEY, keys.incident(1), urgent=True)
    card = held(db, NOW)

    shown(db, NOW, keys.incident(1))
    projection.settle_shown(db, NOW, card, remote_id="C1:2.2", shown="without a link")

    assert row(db).lagging


def test_what_was_due_by_a_clock_that_is_set_back_is_due_at_once_and_then_as_usual(db: Session) -> None:
    touch(db, NOW + timedelta(hours=8), KEY)

    taken = held(db, NOW)

    assert claim(db, NOW + SECOND, "slack/") is None
    assert projection.settle_later(db, NOW, taken, after=timedelta(minutes=1), error="Slack is down", unsent=True)
    assert claim(db, NOW + timedelta(seconds=59), "slack/") is None
    assert held(db, NOW + timedelta(minutes=1)).error == "Slack is down"


def test_a_card_that_was_shown_before_the_clock_was_set_back_shows_what_comes_after(db: Session) -> None:
    touch(db, NOW + timedelta(hours=8), KEY)
    shown(db, NOW + timedelta(hours=8) + SECOND)

    touch(db, NOW, KEY)

    assert due(db) == NOW + CALM


def test_changes_that_do_not_end_are_shown_though_the_clock_was_set_back(db: Session) -> None:
    touch(db, NOW + timedelta(hours=8), KEY)
    shown(db, NOW + timedelta(hours=8) + SECOND)
    for n in range(300):
        touch(db, NOW + n * SECOND, KEY)

    assert due(db) <= NOW + 2 * LONGEST_PAUSE
