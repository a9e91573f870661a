"""Models that turn a photo into a vector, each named by one line of the settings."""
