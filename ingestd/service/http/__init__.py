"""What the daemon says of itself over HTTP: health, readiness, metrics, a first page."""
