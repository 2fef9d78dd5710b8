"""Values to Block Kit: each view is a function of one value, with the ids of its buttons beside it. No I/O."""
