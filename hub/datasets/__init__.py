"""Data sets: bytes become chunks of rows, and a reader can go on from a mark.

Nothing here reads a file or a socket: bytes are fed, chunks are taken. The bytes of a data set
are unpacked first (``unpack``), which is also what a mark's offset counts in.
"""
