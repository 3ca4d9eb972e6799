"""``oneedge upgrade``: a running container goes on with a new image, or with its old one as if nothing had been."""
