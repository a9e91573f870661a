"""HOW vectors become ranked lists: metric, indices, scoring. Pure; no Dagster here."""
