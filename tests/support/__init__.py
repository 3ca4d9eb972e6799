"""What several test rooms share: a front-end in a container, driven as a user drives it."""
