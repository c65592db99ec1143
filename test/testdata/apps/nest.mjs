import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

// What decorators say in TypeScript.
class Hello {
  hello() {
    return { pid: process.pid };
  }
}
Controller('api/v1')(Hello);
Get('hello')(Hello.prototype, 'hello', Object.getOwnPropertyDescriptor(Hello.prototype, 'hello'));

class App {}
Module({ controllers: [Hello] })(App);

const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(process.env.PORT);
