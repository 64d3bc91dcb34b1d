"""From a file in `incoming/` to its receipt: watcher, rescan, claim, worker, pipeline, delivery."""
