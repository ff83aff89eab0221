/** Runs webhook receivers of every kind in their own process: sends their URLs to the parent, then answers `arrivals`. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type Kind = 'well' | 'hang' | 'fail' | 'flood' | 'reset' | 'slow'
/** Pairs of `svix-id` and epoch milliseconds with their fraction, in order of arrival. */
export type Arrivals = readonly (readonly [string, number])[]

const GIGABYTE = 2 ** 30
const CHUNK = Buffer.alloc(64 * 1024)
const arrivals: [string, number][] = []

function flood(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume()
  let left = GIGABYTE / CHUNK.length
  const pump = () => {
    while (left-- > 0 && !response.destroyed) if (!response.write(CHUNK)) return
    response.end()
  }
  response.on('drain', pump)
  pump()
}

const KINDS: Readonly<Record<Kind, http.RequestListener>> = {
  well: (request, response) => {
    arrivals.push([String(request.headers['svix-id']), performance.timeOrigin + performance.now()])
    request.resume().on('end', () => response.end('ok'))
  },
  hang: (request) => void request.resume(),
  fail: (request, response) => {
    request.resume()
    response.writeHead(500).end()
  },
  flood,
  reset: (request) => void request.socket.resetAndDestroy(),
  slow: (request, response) => {
    request.resume()
    setTimeout(() => response.end(), 2000)
  },
}

async function listen(listener: http.RequestListener): Promise<string> {
  const server = http.createServer(listener)
  server.on('connection', (socket) => socket.on('error', () => undefined))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
}

const urls: Record<string, string> = {}
for (const [kind, listener] of Object.entries(KINDS)) urls[kind] = await listen(listener)
process.on('message', (asked) => {
  if (asked === 'forget') arrivals.length = 0
  else process.send?.(arrivals)
})
process.on('disconnect', () => process.exit())
process.send?.(urls)
