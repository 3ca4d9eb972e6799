"""Virtual machines: creating, storing, context, interfaces, disks, requirements."""
