"""The Slack side: what people see and press."""
