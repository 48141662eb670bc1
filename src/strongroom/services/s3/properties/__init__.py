"""What an object has besides its bytes, shown and changed in place: tags, locks, attributes, ACLs, encryption."""
