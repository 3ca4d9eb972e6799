"""Images, disks and marketplaces: their states, and what is asked of the drivers that move the data."""
