'use strict';
// The services of .proto files, without generated code.

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };

/// The arguments: .proto files, and what else there is.
function parse(args) {
  const protos = args.filter((arg) => arg.endsWith('.proto'));
  const others = args.filter((arg) => !arg.endsWith('.proto'));
  return { root: grpc.loadPackageDefinition(loader.loadSync(protos, options)), others };
}

const MEBIBYTE = 1024 * 1024;

/// Of clients and servers: room for what the checks ask for.
const LIMITS = {
  'grpc.max_receive_message_length': 5 * MEBIBYTE,
  'grpc.max_send_message_length': 8 * MEBIBYTE,
};

module.exports = { grpc, parse, LIMITS, MEBIBYTE };
