"""An installation's commands: made, run, looked after, and who may connect to it."""
