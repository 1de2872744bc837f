"""The protocol of the mailbox loop as a small model, searched exhaustively: the protocol is changed here first."""
