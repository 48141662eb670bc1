"""The one door between services: who calls, may they, how often, what happened.

An operation is data (`registry`), a call of it is one object (`call`), and every call passes the same steps in the same
order (`perform`): authorise what the operation declares that it needs, take from its quota, run its handler, record it.
"""
