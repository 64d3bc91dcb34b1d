"""What the door relies on of asyncssh beyond what it promises; nothing else leans on that."""
