"""One file a framework; the rest of the SDK knows none of them."""
