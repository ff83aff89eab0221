/** Counts connections to loopback: a test of a refusal ends with none. */
import net, { type AddressInfo } from 'node:net'
import { after, before } from 'node:test'

export type ConnectionCounter = { port: number; connections: number }

/** Listens on 127.0.0.1 and ::1 at the same port while the tests of the calling file run. Each connection is counted and closed. */
export function countConnections(): ConnectionCounter {
  const counter = { port: 0, connections: 0 }
  const servers: net.Server[] = []
  const listen = (host: string, at: number) =>
    new Promise<number>((resolve, reject) => {
      const server = net.createServer((socket) => {
        counter.connections++
        socket.destroy()
      })
      servers.push(server)
      server.on('error', reject).listen(at, host, () => resolve((server.address() as AddressInfo).port))
    })
  before(async () => {
    counter.port = await listen('127.0.0.1', 0)
    await listen('::1', counter.port)
  })
  after(() => servers.forEach((server) => void server.close()))
  return counter
}
