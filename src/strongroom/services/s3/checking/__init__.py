"""Whether everything stored is what it was: `stored_content` finds it with its keys, `damage` looks at every byte."""
