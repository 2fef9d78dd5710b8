"""Pure decisions: who may do what and why not, what an update changes, what to alert. No I/O, no clock."""
