"""Other people's code, run in a sandbox: what a process may see, reach and use up, and how it is ended."""
