"""Knowledge of past resolutions. Imports nothing of `unstuck` or `bot`."""
