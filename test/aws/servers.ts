import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClientOptions } from '@kabutar/aws/sdk-client.ts'

/** Loopback servers on a free port for the stand-ins, and client options that point at them. */
export async function listen(server: Server, port = 0): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown

/** Serves requests. One whose client goes away before its end is dropped; any other error of `handle` is thrown. */
export async function serve(handle: Handle, port = 0): Promise<{ endpoint: string; close(): void }> {
  const server = createServer(async (request, response) => {
    try {
      await handle(request, response)
    } catch (error) {
      if (!request.readableAborted) throw error
      response.destroy()
    }
  })
  const endpoint = await listen(server, port)
  return { endpoint, close: () => closeNow(server) }
}

/** Closes a server without waiting for keep-alive connections. */
export function closeNow(server: Server): void {
  server.close()
  server.closeAllConnections()
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Credentials for requests to the stand-ins. */
export const STAND_IN_SECRET = 'none'

export function standIn(endpoint: string, accessKeyId = 'AKIASTANDIN'): ClientOptions {
  return { endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey: STAND_IN_SECRET } }
}
