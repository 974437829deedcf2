"""What all tests share."""

import signal

# A run in the background of a shell script is started with SIGINT ignored, and so would be every process that the
# tests start and stop with Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
