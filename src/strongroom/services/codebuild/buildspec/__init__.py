"""The build specification, version 0.2 (and 0.1): read from YAML into plain values, or refused with the line at fault.

Source: AWS CodeBuild User Guide, "Build specification reference for CodeBuild".
"""
