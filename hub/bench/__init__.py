"""``hub bench``: measures this hub against its targets, side by side with a bare echo."""
