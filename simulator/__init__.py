"""Upstreams for tests, benchmarks and `demo`: plain WebSocket listeners with fault knobs, and a fault proxy.

Runs as its own process (`python -m simulator`), is steered over a small HTTP/JSON control API, and counts
everything it sees. `simulator.client.Simulator` is the synchronous client that starts it and stops it again.
"""
