"""Sockets until they are open: addresses, names, binding, and racing for a connection.

And what ICMP tells of datagrams afterwards.
"""
