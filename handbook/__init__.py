"""Builds the pages of the handbook that follow from the code: what each service serves, every setting, every metric."""
