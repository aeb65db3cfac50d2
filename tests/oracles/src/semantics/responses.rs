//! Responses that no server should send, to a client.
