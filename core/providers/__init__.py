"""One pure codec per wire format, the transport that does one HTTP exchange, and the retry loop."""
