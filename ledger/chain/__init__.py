"""The chain plane: what is read from the three contracts, and how something gets onto them.

======================== =============================================================================
facts, events, history   plain data: headers, logs, receipts; the contracts' events; events by subject
index                    the contracts as of any block: a pure function of the canonical chain
follower, reader         fill an index: continuously with a store, or once for a client or auditor
calls, transactions      calldata of the contracts' functions; signed bytes
slots, account, relayer  which bytes stand at which nonce; bringing acts on chain once in effect
deployment, verification where the contracts are; whether they are what the sources give
roles, presence          who has a role in the directory; since when contracts are there
networks, create2        chains with a name; addresses that follow from the code
blueprint, planning      the contracts as they are to be; what is still to be done
deploying, intents       doing it, never twice; what was signed, kept before it is broadcast
devnet, guard            a chain of one's own
rpc, answers, scan       the node; what its answers mean; spans of headers and events that belong together
======================== =============================================================================
"""
