"""HOW vectors become ranked lists: metric, indices, scoring. Pure; no Dagster here.

Where to look, in the order in which photos come through:

- what is learned from: `label_codec`, `learning_set`, `examples`, `folds`, `renewal`; guesses by `diffusion`,
  `grouping` (`clusters`, `density`), `pseudo_labels`; what is shown of clusters, `cluster_names`; fine-tuning,
  `course`, `fine_tuned`
- what is learned: `descriptors` in `principal` axes; `glrt`, `class_sets`, `logistic`, and `projection` with
  `projection_training` and `pair_loss`; a `fit` of these, its `calibration` by `tuning`, the `metric_head` that
  comes of it (`head_training`) and its `metric_file`; several at once, `side_by_side`
- which steps are taken: a `recipe` out of `rungs`, by the `choice` that climbs the `ladder`, each rung a `trial` by
  the `scorer`
- what is ranked: `ranking`, `expansion`, `reciprocal`; the indices in `ann/`; `submission`
- what it is worth: `average_precision`, by `cross_validation` or by names (`scoring`); `evaluation`, `measures`,
  `margins`, `coverage`, `exhibits`; whether it may be published, `publication_gate`
- which index is better: `comparison`, `agreement`, `effort`, `turns`, `verdict`
"""
