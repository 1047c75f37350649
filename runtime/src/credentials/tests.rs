//! Every source against a server that speaks its protocol.
