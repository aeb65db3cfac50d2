'use strict';
// The greeter of the gRPC Node quick start: a server. Its port, 0 for any, is an argument.

const { grpc, parse } = require('./load');

const { root, others } = parse(process.argv.slice(2));

function sayHello(call, callback) {
  callback(null, { message: `Hello, ${call.request.name}!` });
}

const server = new grpc.Server();
server.addService(root.helloworld.Greeter.service, { sayHello });
server.bindAsync(`0.0.0.0:${others[0]}`, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`port ${port}`);
});
process.stdin.resume().on('end', () => process.exit(0));
