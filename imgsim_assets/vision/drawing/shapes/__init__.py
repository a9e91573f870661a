"""The sample's kinds of things, one module per theme; each offers `KINDS`: name to design."""
