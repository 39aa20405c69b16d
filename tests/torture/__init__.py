"""The fault-injection suite: real kernels under load while everything around them is killed, stopped,
filled up and cut off; afterwards every line that was printed must be accounted for.

``python -m tests.torture --seed 1 --minutes 5`` runs it.
"""
