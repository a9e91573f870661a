"""HOW results are shown: plots and the HTML report. Pure; no Dagster here."""
