"""Networks at work: addresses, leases, reservations, VLAN numbers, the interfaces of machines and their rules."""
