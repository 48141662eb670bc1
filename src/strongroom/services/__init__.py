"""The services, one room each. A service never imports another: it goes through `Call.invoke`, as the same caller."""
