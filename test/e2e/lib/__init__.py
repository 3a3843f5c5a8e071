"""What the end-to-end tests share.

check    claims, waiting with a bound, the main function of a test
wire     two namespaces, their addresses, clients, servers and captures
gateway  the daemon between them: configuration, start and end, REST, events, counters
"""
