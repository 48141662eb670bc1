"""Exports of log groups to S3: `tasks` are what was asked for, `runs` carries it out."""
