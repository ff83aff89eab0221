/** An application's webhook endpoint on loopback: verifies each request with three libraries, and answers by script. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Resend, type WebhookEventPayload } from 'resend'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'

export type WebhookDelivery = {
  readonly path: string
  /** `svix-id`. */
  readonly id: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly payload: WebhookEventPayload
  /** The status that the receiver answered; 0: none yet. */
  readonly code: number
}

export type WebhookReceiver = AsyncDisposable & {
  url(path: string): string
  /** Sets the secret that verifies deliveries to a path; without one they are refused. */
  trust(path: string, secret: string): void
  /** Sets the codes of the next answers on a path, in order; 200 afterwards. 0 never answers. */
  script(path: string, codes: readonly number[]): void
  received(path: string): readonly WebhookDelivery[]
  /** Requests that at least one library refused. */
  refused(): readonly string[]
  /** @throws {Error} after `timeoutMs` (10 s), with the requests that came */
  waitFor(
    path: string,
    enough: (received: readonly WebhookDelivery[]) => boolean,
    timeoutMs?: number,
  ): Promise<readonly WebhookDelivery[]>
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const secrets = new Map<string, string>()
  const scripts = new Map<string, number[]>()
  const received: WebhookDelivery[] = []
  const refused: string[] = []
  const take = (path: string, headers: http.IncomingHttpHeaders, body: string): number => {
    try {
      const payload = verified(secrets.get(path) ?? '', headers, body)
      const code = scripts.get(path)?.shift() ?? 200
      received.push({ path, id: String(headers['svix-id']), headers, body, payload, code })
      return code
    } catch (error) {
      refused.push(`${path}: ${String(error)}`)
      return 401
    }
  }
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const code = take(request.url ?? '', request.headers, Buffer.concat(chunks).toString())
    if (code !== 0) response.writeHead(code, { 'content-type': 'text/plain' }).end(code === 200 ? 'ok' : 'not now')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    trust: (path, secret) => void secrets.set(path, secret),
    script: (path, codes) => void scripts.set(path, [...codes]),
    received: (path) => received.filter((delivery) => delivery.path === path),
    refused: () => [...refused],
    waitFor: (path, enough, timeoutMs = 10_000) => waitFor({ received, refused }, path, enough, timeoutMs),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** @throws {Error} unless the SDK, svix and standardwebhooks all accept it */
function verified(secret: string, headers: http.IncomingHttpHeaders, body: string): WebhookEventPayload {
  const named = (prefix: string) =>
    Object.fromEntries(['id', 'timestamp', 'signature'].map((name) => [name, String(headers[`${prefix}-${name}`])]))
  const { id = '', timestamp = '', signature = '' } = named('svix')
  const payload = new Resend('re_x').webhooks.verify({
    payload: body,
    headers: { id, timestamp, signature },
    webhookSecret: secret,
  })
  const all = headers as Record<string, string>
  new SvixWebhook(secret).verify(body, all)
  new StandardWebhook(secret).verify(body, all)
  assert.deepEqual(named('webhook'), named('svix'))
  return payload
}

async function waitFor(
  { received, refused }: { readonly received: readonly WebhookDelivery[]; readonly refused: readonly string[] },
  path: string,
  enough: (received: readonly WebhookDelivery[]) => boolean,
  timeoutMs: number,
): Promise<readonly WebhookDelivery[]> {
  for (const end = Date.now() + timeoutMs; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const here = received.filter((delivery) => delivery.path === path)
    if (enough(here)) return here
    if (Date.now() < end) continue
    const came = here.map(({ id, code, payload }) => `${payload.type} ${id} ${code}`)
    throw new Error(`${path}: only this came within ${timeoutMs} ms: ${[...came, ...refused].join(', ')}`)
  }
}
