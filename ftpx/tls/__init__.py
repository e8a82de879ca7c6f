"""TLS: certificates, keys and their files, and the connections that are secured with them."""
