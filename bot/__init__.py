"""csms-bot: Huawei Cloud CSMS event notifications, worked on from Slack."""

__version__ = "0.1.0"
