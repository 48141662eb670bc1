"""The rules, one noun a file. Each is a function from a document to what it finds; `registry` lists them all."""
