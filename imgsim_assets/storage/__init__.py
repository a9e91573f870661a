"""WHERE things are kept: content-addressed tables and published artefacts. No Dagster here."""
