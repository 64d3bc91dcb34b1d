"""Where the SFTP door and the intake meet: the folders, publishing, and the durable queue."""
