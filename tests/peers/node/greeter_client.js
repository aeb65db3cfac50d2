'use strict';
// The greeter of the gRPC Node quick start: a client. The server's port is an argument.

const { grpc, parse } = require('./load');

const { root, others } = parse(process.argv.slice(2));
const client = new root.helloworld.Greeter(`localhost:${others[0]}`, grpc.credentials.createInsecure());
client.sayHello({ name: 'world' }, (error, response) => {
  if (error) throw error;
  console.log('Greeting:', response.message);
  client.close();
});
