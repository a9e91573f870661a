"""WHERE things are kept: content-addressed tables, artefacts and publications. No Dagster here."""
