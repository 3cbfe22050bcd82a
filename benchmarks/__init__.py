"""What the documentation promises about speed, measured by anyone: `make bench`. Loopback only."""
