"""The SFTP door: listener, sessions, the virtual tree, uploads as they arrive, limits and bans."""
