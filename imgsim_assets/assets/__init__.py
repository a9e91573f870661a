"""WHAT is computed: one thin module per group of assets; each asset is a spec, one call and its metadata."""
