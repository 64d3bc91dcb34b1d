"""What is typed and what is printed, alike for every command."""
