"""What the portal's engine takes, in ratios within one run on one machine. Never a test, and never part of one."""
