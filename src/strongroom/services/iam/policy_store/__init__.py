"""Where policies, what they are attached to, and identity providers are kept."""
