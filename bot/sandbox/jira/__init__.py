"""A local Jira Cloud: REST API v3, one project (ML), a simple workflow, webhooks.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""
