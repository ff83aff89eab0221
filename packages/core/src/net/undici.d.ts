/**
 * Files of undici that are taken by themselves: the whole of it is half a megabyte, of which a client of HTTP/1 is a third.
 * They have no types of their own; a bundler gives a CommonJS module's exports as its default alone.
 */
declare module 'undici/lib/dispatcher/client.js' {
  export { Client as default } from 'undici'
}
declare module 'undici/lib/core/connect.js' {
  export { buildConnector as default } from 'undici'
}
