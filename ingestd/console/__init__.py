"""The console: pages for people who use no terminal. What they do is what commands do."""
