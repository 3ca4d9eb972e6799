"""What subscribers and hooks are told, and what hooks answered."""
