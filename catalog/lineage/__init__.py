"""What is made from what: OpenLineage events and the edges read from them."""
