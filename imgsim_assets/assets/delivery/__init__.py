"""The assets of the group `delivery`: the score, the checked submission, the report, and `published/`."""
