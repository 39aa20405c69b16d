"""The process beside kernels: it starts them, runs their queues and writes down what happens.

One agent serves one data directory. It outlives the server, and its kernels outlive it.
"""
