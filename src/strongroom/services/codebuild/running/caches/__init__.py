"""Caches of builds: files that a build leaves for the next one of its project, on this server or in S3.

Source: AWS CodeBuild User Guide, "Cache builds to improve performance"; "Build specification reference", cache.
"""
