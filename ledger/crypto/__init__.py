"""Keys, signatures, sealing and record encryption; built on reviewed primitives, never on our own.

============== ==============================================================================
identity       24 words, and every key that is derived from them
signatures     secp256k1 signatures in their one accepted form
eip712, typed  typed structured data, and everything that anyone here ever signs
sealing        capsules: HPKE with a post-quantum hybrid, bound to what they belong to
recordcipher   records: Cobblestone-256, streaming
keystore       the words on disk, under a passphrase
privatefile    files that only their owner may read
============== ==============================================================================
"""
