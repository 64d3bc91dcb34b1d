"""Work: who looks, claims and works on what waits, when, and when nobody may."""
