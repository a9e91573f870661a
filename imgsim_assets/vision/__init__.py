"""HOW photos become vectors: decoding, edges, views, backbones. Pure; no Dagster here."""
