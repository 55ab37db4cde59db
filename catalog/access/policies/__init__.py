"""The Cedar policies, one file for each article they implement, and their schema."""
