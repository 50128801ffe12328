"""The crisis calendar: what moved around events, beyond chance. Not for causes: near an event is not because of it."""
