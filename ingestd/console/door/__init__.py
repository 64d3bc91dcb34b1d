"""The way in: who asks, what they may, signing in and out."""
