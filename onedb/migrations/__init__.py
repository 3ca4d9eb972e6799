"""What each release of OpenNebula changed in the database: a module per step, and the chain of them."""
