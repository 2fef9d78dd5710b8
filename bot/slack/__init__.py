"""Everything that speaks Slack: the door that takes deliveries, the worker, the outbox that posts."""
