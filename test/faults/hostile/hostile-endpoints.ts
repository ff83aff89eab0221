/** Webhook endpoints that answer in every wrong way. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

const BOMB = gzipSync(Buffer.alloc(50_000_000))
const CHUNK = Buffer.alloc(65_536)

/** Calls `write` again and again until the connection closes. */
const until = (response: ServerResponse, ms: number, write: () => unknown) => {
  const timer = setInterval(write, ms)
  response.socket?.once('close', () => clearInterval(timer))
}
const raw =
  (text: string): Listener =>
  ({ socket }) =>
    socket.write(text)

function endless(_: IncomingMessage, response: ServerResponse): void {
  const pump = () => {
    while (!response.destroyed && response.write(CHUNK));
    response.once('drain', pump)
  }
  pump()
}

export const HOSTILE_ENDPOINTS: Readonly<Record<string, Listener>> = {
  'redirects to loopback': (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/x' }).end(),
  'sends a gzip bomb': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB),
  'sends without an end': endless,
  'sends an octet each half second': (_, response) => until(response.writeHead(200), 500, () => response.write('a')),
  'sends 5,000 fields': raw(`HTTP/1.1 200 OK\r\n${`x: ${'a'.repeat(100)}\r\n`.repeat(5000)}\r\n`),
  'sends a field each 300 ms': ({ socket }, response) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    until(response, 300, () => socket.write('x: y\r\n'))
  },
  'sends 100 Continue without an end': ({ socket }, response) =>
    until(response, 20, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(200))),
  'sends garbage': raw('\0\0\0garbage'),
  'sends less than it says': ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'),
  'answers twice': raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nbad'),
  'sends a length and chunks': raw(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  'sends script and NUL': (_, response) =>
    response.writeHead(500, { 'content-type': 'text/html' }).end('<script>\0\u2028</script>\xff'),
  'switches protocols': raw('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  'answers 999': ({ socket }) => socket.end('HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'),
  'answers 000': ({ socket }) => socket.end('HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'),
  'never answers': () => undefined,
}

/** Serves each of them under a URL of its own. */
export async function serveHostileEndpoints() {
  const listeners = Object.values(HOSTILE_ENDPOINTS)
  const server = createServer((request, response) => {
    request.resume().on('error', () => undefined)
    request.on('end', () => listeners[Number(request.url?.slice(1))]?.(request, response))
  })
  server.on('connection', (socket) => socket.on('error', () => undefined))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    urls: listeners.map((_, n) => `http://127.0.0.1:${port}/${n}`),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
