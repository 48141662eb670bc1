"""What happens by itself: deletion, rotation, expiry, retention, when their time has come."""
