'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { hello } = grpc.loadPackageDefinition(loader.loadSync(`${__dirname}/hello.proto`));

const server = new grpc.Server();
server.addService(hello.Greeter.service, {
  // Some take a while, so that streams are open at each moment.
  Hello: (call, callback) => setTimeout(callback, Math.random() * 20, null, { pid: String(process.pid) }),
});
server.bindAsync(`0.0.0.0:${process.env.PORT}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
