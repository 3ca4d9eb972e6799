"""OneFlow: services of several virtual machines, on a server of the 6.0 API (SR2.8)."""
