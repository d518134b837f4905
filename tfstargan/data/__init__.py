"""Images of several domains, and the endless stream of batches drawn from them."""
