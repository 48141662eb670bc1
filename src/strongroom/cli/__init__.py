"""The `strongroom` command, one file a command (group). What a command needs is imported when it runs."""
