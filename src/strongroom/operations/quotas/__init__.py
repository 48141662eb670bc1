"""Quotas: how many requests a second, and how many resources, an account may have in a Region.

Services declare theirs as data (`quota`), beside their operations. `values` are those in force where an operator or an
approved request changed them, `memory` is the state of the buckets that all servers of one machine share, and
`house_quotas` is what a house does with the three.
"""
