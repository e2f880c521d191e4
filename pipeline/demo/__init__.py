"""The whole way of the sample issue, for show: real parts, made-up readers, nothing left running."""
