"""What the functional tests stand on: real processes, a faulty network, a source with a ledger, an account."""
