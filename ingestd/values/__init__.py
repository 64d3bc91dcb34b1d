"""Small exact values that every room shares: money, identifiers, times, limits, errors. Pure."""
