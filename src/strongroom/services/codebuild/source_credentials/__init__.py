"""Credentials of the places that sources come from: kept sealed, and told to git alone.

`credentials` is what clients ask for, `logins` what is made of them for one repository. Importing this package
registers its operations.
"""

from strongroom.services.codebuild.source_credentials import credentials

__all__ = ["credentials"]
