"""A deterministic simulation of the alerts: the bot's own poller, rules, store, views and poster against a CSMS and a
Slack of values, on a clock of its own, with seeded faults at every step. One seed is one episode, the same each time.

    python -m tests.simulation --episodes 200000
    python -m tests.simulation --seed 4711          # one of them again, step by step
"""
