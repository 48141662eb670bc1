"""Functions that run: invoked now or later, in execution environments of their own, with their role and their logs."""
