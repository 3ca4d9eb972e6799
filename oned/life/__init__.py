"""The life of virtual machines: which event leads from which state where, and what drivers are asked for then."""
