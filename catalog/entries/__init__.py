"""What there is: entries of the catalogue, their contract versions and code lists, who may know of them."""
