"""A local Slack and a local Jira over their real protocols, with a page.

An unmodified Bolt app (Socket Mode or HTTP) and any Jira client run against it. It refuses what Slack
refuses and limits what Slack limits, because a sandbox that accepts more teaches lies. It knows nothing of
the bot but the table of limits.
"""
