"""What operators see: event names, the log's set-up, metrics, health."""
