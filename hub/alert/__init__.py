"""Alerts: the hub watches itself, and tells through its destinations what it sees."""
