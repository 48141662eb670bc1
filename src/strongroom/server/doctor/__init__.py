"""What this machine can and cannot do for a server of a given configuration: `strongroom doctor`."""
