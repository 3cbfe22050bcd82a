from datetime import timedelta
from bot.slack.answers import status, models, changes, helping, unknown, everyone
from bot.slack import modals
from bot.domain import limits
def test_try(db, story, show, look, words):
    model, rollout, group = story.bad_release()
    from datetime import datetime, UTC
    NOW = datetime(2026, 11, 23, 8, 13, tzinfo=UTC)
    model.metrics = {"good_payments_declined": {"unit": "%", "slo": "<= 2.5", "family": "product"}, "auc": {"role": "primary"}}
    story.add(model)
    story.measured(model, "auc", 0.934, NOW - timedelta(days=2), evaluation_type="offline", version="42", n=41200)
    story.measured(model, "auc", 0.912, NOW - timedelta(days=40), evaluation_type="offline", version="41", n=41200)
    story.measured(model, "auc", 0.933, NOW - timedelta(days=9), version="41", n=41200, labelled_fraction=.95, labels_until=NOW-timedelta(days=10))
    story.measured(model, "auc", 0.912, NOW - timedelta(days=1), version="42", n=41200, labelled_fraction=.88, labels_until=NOW-timedelta(days=3))
    story.measured(model, "good_payments_declined", 0.021, NOW - timedelta(days=8), evaluation_type="product", unit="ratio")
    story.measured(model, "good_payments_declined", 0.029, NOW - timedelta(days=1), evaluation_type="product", unit="ratio")
    inc = story.incident(model, suspect_change_id=rollout.id, lead="U02BOB")
    group.incident_id = inc.id
    story.heard("alertmanager"); story.heard("events")
    story.change(None, "infrastructure", "node upgrade")
    story.posted("slack/incident/1")
    story.ticket(inc)
    story.told(inc, "drift comes from the geo feed. <@U01ALICE> see https://x.io/a?b=1&c=2")
    story.told(inc, "v42 → v41 in production finished", kind="rollback", by=None)
    st = story.storm()
    g2 = story.group(model, "Nulls", alert_class="hard", storm_id=st.id)
    for key in ("slack/deployment/1", "slack/group/1", "slack/group/2", "slack/incident/1", "slack/incident/1/changes", "slack/incident/1/ticket", "slack/incident/1/log/1", "slack/storm/1", "slack/home/U01ALICE", "slack/home/U03DANA", "slack/dm/U01ALICE/jira"):
        c = show(key)
        print("=====", key, c and {k: v for k, v in c.items() if k in ("channel","user","thread_ts","text")})
        if c: print(words({k: v for k, v in c.items() if k != "text"}))
    inc.status, inc.resolved_at, inc.resolved_by = "resolved", NOW, "U02BOB"; story.add(inc)
    print(words(show("slack/incident/1")))
    inc.status = "investigating"; story.add(inc)
    for m in (status.status(db, "fraud-scorer", NOW, look), models.models(db, NOW, look, user="U01ALICE"), changes.changes(db, "fraud-scorer", NOW, NOW-timedelta(days=7), look), helping.help_for(db, look, user="U01ALICE"), unknown.unknown_model(db, "fruad", look), everyone.open_incidents(db, NOW, look), everyone.on_call(db, look)):
        print("=====", m.text); print(words(m.content)); assert limits.message_problems(m.content) == []
    for v in (modals.update(db, 1), modals.resolve(db, 1), modals.declare(db, group_id=1)):
        print("===="); print(words(v)); assert limits.view_problems(v) == []
    import time
    for f in (lambda: status.status(db, "fraud-scorer", NOW, look), lambda: show("slack/group/1"), lambda: show("slack/incident/1"), lambda: show("slack/home/U01ALICE")):
        t=time.perf_counter()
        for _ in range(20): f()
        print((time.perf_counter()-t)/20*1000, "ms")
    import cProfile, pstats
    from sqlalchemy import event
    n = []
    event.listen(db.get_bind(), "before_cursor_execute", lambda *a: n.append(a[2]))
    status.status(db, "fraud-scorer", NOW, look)
    print(len(n), "queries"); print("\n".join(" ".join(q.split())[:130] for q in n))
    pr = cProfile.Profile(); pr.enable()
    for _ in range(50): status.status(db, "fraud-scorer", NOW, look)
    pr.disable(); pstats.Stats(pr).sort_stats("cumtime").print_stats(45)
