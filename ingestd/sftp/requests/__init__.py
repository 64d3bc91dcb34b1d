"""What a client asks for in a channel, and how it is answered."""
