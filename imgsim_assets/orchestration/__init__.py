"""WHEN things are computed: staleness, sync, schedule and checks."""
