"""What runs at a person's side: it signs, seals and opens, and believes neither gateway nor store.

================================ ============================================================================
home, config, contacts, state    the files of a profile
http, problems, session, gateway one gateway, typed; nothing that it answers is believed there
directory                        what the chain itself says, through an RPC of one's own
receipts                         what the gateway's log is held to
keys, own, grants, drafting,     what a patient's client is made of; `patient` is the front
filing, publishing, upkeep
releases, reading, publications  what a provider's client is made of; `provider` is the front
blocks                           a gateway as a block store
================================ ============================================================================
"""
