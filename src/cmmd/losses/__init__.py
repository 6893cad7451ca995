"""Training losses as pure functions of predictions and targets (METHOD sections 4 and 6)."""
