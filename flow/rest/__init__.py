"""The REST interface: 6.0's routes, verbs, codes and bodies, and the OpenAPI document that describes them."""
