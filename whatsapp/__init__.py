"""The WhatsApp Web multi-device protocol, sans-I/O: bytes in, values and bytes out.

Usable alone: no module here opens a socket, reads a clock or draws randomness; all three are arguments. Every layer
serves both sides, so that the simulator's server and phones are built from the same code as the client.
"""
