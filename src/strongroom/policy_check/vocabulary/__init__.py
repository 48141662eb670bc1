"""The names that AWS knows: services, actions, types of resource, condition keys. Data, and how to ask it."""
