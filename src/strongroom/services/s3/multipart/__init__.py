"""Multipart uploads: begun, filled part by part, and completed into one object or given up."""
