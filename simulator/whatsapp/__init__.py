"""A WhatsApp server with phones, for tests and `demo` (docs/protocol.md, "The simulated server").

`server.Server` is the server without I/O: bytes of connections in, `Write`, `Hangup` and `Save` out, time and
randomness injected. `python -m simulator.whatsapp` puts it on a socket, with a control API over HTTP/JSON;
`simulator.whatsapp.client.WhatsApp` starts that process and steers it:

    with WhatsApp.spawn() as whatsapp:
        budi = whatsapp.phone("6281234567801", name="Budi")
        settings = SessionSettings(url=whatsapp.url, root_key=whatsapp.root_key)
        …a client connects and shows a QR code…
        budi.scan(qr_text)
"""
