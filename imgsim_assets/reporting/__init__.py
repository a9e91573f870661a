"""HOW results are shown: plots and the HTML gallery. Pure; no Dagster here."""
