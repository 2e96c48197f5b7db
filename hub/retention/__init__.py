"""Retention: what is finished goes when its time is over, and what people ask to be removed."""
