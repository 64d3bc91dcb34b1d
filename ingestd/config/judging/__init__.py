"""Values as a config file writes them: each becomes what it stands for, or a mistake."""
