"""The demo desk: a made-up after-sales desk to try Unstuck on.

Everything here is synthetic. Tidewell, its products, its staff and its customers do not exist; mail
addresses, phone numbers and account numbers are reserved or published placeholders.
"""
