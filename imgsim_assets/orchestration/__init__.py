"""WHEN things are computed: staleness, sync, schedule and checks.

Where to look:

- what is stale: `staleness` by Dagster's records, `claims` that no longer hold, what is `unsettled`, and all of it
  in one `sight`; why, in words, `causes`; whether anything could be submitted of the photos, `answerable`
- what is run: a `sync` in `waves`, an `early` answer before, its `outcome`; stopped, `interruption`; what is made
  of many assets waits for their `freshness`
- who begins it: Dagster's `doors`, with a memory of `attempts`; the `web_server` behind its `guard`
- where records are: `instance`, `records`, `quoted_storage`; of runs that died, `dead_runs`; of what assets took,
  `times`
- what is old: `garbage`, and `rolling_back` to it
"""
