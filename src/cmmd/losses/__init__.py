"""Training losses as pure functions of predictions and targets."""
