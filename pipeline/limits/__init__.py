"""How much a relay may be given, and how much of it to one destination. The time is an argument everywhere."""
