"""The methods of Slack's Web API, by family. https://docs.slack.dev/reference/methods"""
