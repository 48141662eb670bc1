"""Listings of what is in a bucket: `object_listing` of objects as they are now, `version_listing` of all versions."""
