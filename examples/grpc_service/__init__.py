"""A service that wraps a gRPC service, called without a workflow: `python -m examples.grpc_service.demo`.

It shows retries by status code, deadlines that are the attempt's, metadata as idempotency key, and a channel that opens
and closes with the node. Needs grpcio: `pip install 'leveret[examples]'`. Messages are JSON, so that nothing has to be
generated; with protobuf, `Stub(channel).Reserve` takes the place of `channel.unary_unary(...)`.

rooms       the contract and its messages
reserving   the service
hotel       a gRPC server that is sometimes unavailable
demo        both, and a client
"""
