"""Whether an exported model gives what Keras gives, and how good it is."""
