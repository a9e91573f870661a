"""MAP@10 by plain cosine, for judging drawn photos: the naive definition, one query at a time."""

import numpy as np


def cosine_map_at_10(queries, gallery, query_labels, gallery_labels):
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    scores = []
    for query, label in zip(queries, query_labels, strict=True):
        best = np.argsort(-(gallery @ query), kind="stable")[:10]
        hits, total = 0, 0.0
        for rank, row in enumerate(best, start=1):
            if gallery_labels[row] == label:
                hits += 1
                total += hits / rank
        scores.append(total / min(10, list(gallery_labels).count(label)))
    return float(np.mean(scores))
