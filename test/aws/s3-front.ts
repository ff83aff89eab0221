import { EventEmitter, on } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { headersAsked, isTaken, linkRefusal } from './presigned.ts'
import { serve } from './servers.ts'
import type { Usage } from './usage.ts'
import { countS3 } from './wire-counts.ts'

export type S3Front = {
  readonly endpoint: string
  /** Resolves at the next request that reads an object whose key ends so, once it is answered. */
  asked(end: string): Promise<void>
  close(): void
}

/** An object whose notification has come is looked for by then. */
const LOOKED_FOR_MS = 15_000

/**
 * Starts a server in front of fauxqs that checks presigned links as S3 does (presigned.ts), and forwards other requests
 * unchanged. Bodies stream. `usage` counts what callers are billed for, by the access key that signed.
 */
export async function startS3Front(inner: string, usage?: Usage): Promise<S3Front> {
  const agent = new Agent({ keepAlive: true })
  const answered = new EventEmitter()
  const front = await serve((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    if (request.method === 'GET') response.once('close', () => answered.emit('read', url.pathname))
    const presigned = url.searchParams.has('X-Amz-Signature')
    const refused = presigned ? linkRefusal(url, request.method ?? '', namedHeaders(request)) : undefined
    if (refused) return refuse(request, response, refused.status, refused.reason)
    const caller = usage?.caller(request)
    if (usage && caller) countS3(usage.by(caller), request.method ?? '', url.searchParams, request.headers)
    const pass = () => forward(inner, agent, request, response, presigned ? headersAsked(url) : {})
    if (request.method !== 'PUT' || request.headers['if-none-match'] !== '*') return pass()
    isTaken(new URL(url.pathname, inner)).then(
      (taken) => (taken ? refuse(request, response, 412, 'PreconditionFailed') : pass()),
      () => response.destroy(),
    )
  })
  const close = () => {
    agent.destroy()
    front.close()
  }
  const asked = async (end: string) => {
    for await (const [path] of on(answered, 'read', { signal: AbortSignal.timeout(LOOKED_FOR_MS) }))
      if (String(path).endsWith(end)) return
  }
  return { endpoint: front.endpoint, asked, close }
}

function namedHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]))
}

/** Refuses a request after its body is read: a client that still writes would see a broken connection instead. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, reason: string): void {
  request.resume()
  request.once('end', () => response.writeHead(status, { 'content-type': 'text/plain' }).end(reason))
}

function forward(
  inner: string,
  agent: Agent,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): void {
  const { method, url, headers: given } = request
  const { 'accept-encoding': _, ...kept } = given
  const target = new URL(inner)
  const sent = httpRequest({ agent, host: target.hostname, port: target.port, method, path: url, headers: kept })
  sent.on('error', () => response.destroy())
  response.on('close', () => sent.destroy())
  sent.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 500, { ...answer.headers, ...headers })
    answer.pipe(response)
  })
  request.pipe(sent)
}
