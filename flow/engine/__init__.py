"""The engine: what services are to become, decided from their documents and from what the API says of machines."""
