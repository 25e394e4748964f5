"""The chain plane: what is read from the three contracts, and how something gets onto them.

======================== =============================================================================
facts, events, history   plain data: headers, logs, receipts; the contracts' events; events by subject
index                    the contracts as of any block: a pure function of the canonical chain
follower, reader         fill an index: continuously with a store, or once for a client or auditor
calls, transactions      calldata of the contracts' functions; signed bytes
slots, account, relayer  which bytes stand at which nonce; bringing acts on chain once in effect
deployment               where the contracts are, and how they got there
devnet, guard            a chain of one's own
rpc, answers, scan       the node; what its answers mean; spans of headers and events that belong together
======================== =============================================================================
"""
