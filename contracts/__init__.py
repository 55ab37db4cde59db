"""What data must look like: contracts, checks and formats. Pure; knows no other room."""
