"""The chain plane: what is read from the three contracts, and how something gets onto them.

======================== =============================================================================
facts, events, history   plain data: headers, logs, receipts; the contracts' events; events by subject
index                    the contracts as of any block: a pure function of the canonical chain
follower, reader         fill an index: continuously with a store, or once for a client or auditor
agreement                several nodes, believed while none of them contradicts another
calls, transactions      calldata of the contracts' functions; signed bytes
slots, account, relayer  which bytes stand at which nonce; bringing acts on chain once in effect
deployment, verification where the contracts are; whether they are what the sources give
roles, presence          who has a role in the directory; since when contracts are there
networks, fitness        chains with a name; whether a node is good enough to follow one by
create2                  addresses that follow from the code
blueprint, planning      the contracts as they are to be; what is still to be done
deploying, intents       doing it, never twice; what was signed, kept before it is broadcast
devnet, guard            a chain of one's own
rpc, provider, answers   the node, as web3 reaches it; what its answers mean
scan, ranges             spans of headers and events that belong together; how much to ask for at once
omissions, bloom         whether events were left out
sealed, trie, rlp        headers and receipts as the hash of a block commits to them
======================== =============================================================================
"""
