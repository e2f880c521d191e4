"""A local inbox for trying things out: takes mail over real SMTP, keeps it as files, and can play difficult readers.

Never part of a real send: it listens on the loopback only and forwards nothing.
"""
