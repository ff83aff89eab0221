import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Env } from '@kabutar/http/env.ts'
import type { Hono } from 'hono'
import type { Address } from './settings-values.ts'

export type HttpListener = {
  readonly url: string
  /** Links carry the listener's address, so it comes first and what it serves afterwards; until then it answers 503. */
  serve(app: Hono<Env>): void
  /** Lets running requests finish, up to a deadline. */
  close(deadlineMs: number): Promise<void>
}

const notYet = () =>
  Response.json({ statusCode: 503, name: 'service_unavailable', message: 'Starting' }, { status: 503 })

/** @throws {Error} if the address is in use */
export async function listenHttp({ host, port }: Address): Promise<HttpListener> {
  let fetch: (request: Request) => Response | Promise<Response> = notYet
  const server = createAdaptorServer({ fetch: (request) => fetch(request) }) as Server
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    serve(app) {
      fetch = (request) => app.fetch(request)
    },
    async close(deadlineMs) {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), deadlineMs)
      await closed
      clearTimeout(timer)
    },
  }
}
