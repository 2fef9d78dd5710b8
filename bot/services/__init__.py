"""Use cases: each decides by a rule, writes by the store, calls CSMS, and returns a value. No Slack, no SQL."""
