"""A backbone trained further on labelled photos, once for each fold, so that every photo is judged by a stranger."""
