"""The door itself: it listens, learns who comes, and holds each connection till it ends."""
