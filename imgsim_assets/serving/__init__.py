"""HOW one photo is answered: the published search bundle and the search through it. No Dagster here."""
