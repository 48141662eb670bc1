"""`strongroom tour`: a walk through what Strongroom does and refuses, on a throw-away server, with proofs."""
