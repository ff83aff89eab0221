import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { headersAsked, isTaken, linkRefusal } from './presigned.ts'
import { serve } from './servers.ts'
import type { Usage } from './usage.ts'
import { countS3 } from './wire-counts.ts'

/**
 * Starts a server in front of fauxqs that checks presigned links as S3 does (presigned.ts), and forwards other requests
 * unchanged. Bodies stream. `usage` counts what callers are billed for, by the access key that signed.
 */
export async function startS3Front(
  inner: string,
  usage?: Usage,
): Promise<{ readonly endpoint: string; close(): void }> {
  const agent = new Agent({ keepAlive: true })
  const front = await serve((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
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
  return { endpoint: front.endpoint, close }
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
