import type { Log } from '@kabutar/core/ports/log.ts'

/** What API Gateway's HTTP API passes (payload format 2.0), as far as it is read here. */
export type HttpEvent = {
  readonly rawPath: string
  readonly rawQueryString: string
  readonly headers: Readonly<Record<string, string>>
  readonly requestContext: { readonly domainName: string; readonly http: { readonly method: string } }
  readonly body?: string
  readonly isBase64Encoded: boolean
}
export type HttpAnswer = {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly isBase64Encoded: boolean
}
type App = { fetch(request: Request): Response | Promise<Response> }

const BODILESS = new Set(['GET', 'HEAD'])
const TEXT = /^(text\/|application\/([\w.+-]+\+)?json\b)/

// The first Request loads undici, 35 ms: better while the function starts, with a whole CPU, than in a user's request.
new Request('http://localhost/')

/** An app as a Lambda function behind an HTTP API. What cannot be a request is refused in the wire's form too. */
export function toHttp(app: App, log: Log) {
  return async (event: HttpEvent): Promise<HttpAnswer> => {
    let request: Request
    try {
      request = requestOf(event)
    } catch (error) {
      log.warn('an event of the gateway is no request', { error: error as Error })
      return refusal(400, 'validation_error', 'The request is malformed.')
    }
    try {
      return await answerOf(await app.fetch(request))
    } catch (error) {
      log.error('a request failed', { error: error as Error })
      return refusal(500, 'internal_server_error', 'Internal error')
    }
  }
}

/** The gateway decodes the path: what would end a path is encoded again. A body with GET means nothing and is dropped. */
function requestOf({ rawPath, rawQueryString, headers, requestContext, body, isBase64Encoded }: HttpEvent): Request {
  const path = rawPath.replaceAll('?', '%3F').replaceAll('#', '%23')
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`
  const { method } = requestContext.http
  const init = { method, headers: new Headers(headers) }
  const url = new URL(`https://${requestContext.domainName}${path}${query}`)
  if (body === undefined || BODILESS.has(method)) return new Request(url, init)
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  init.headers.set('content-length', String(bytes.byteLength))
  return new Request(url, { ...init, body: bytes })
}

async function answerOf(response: Response): Promise<HttpAnswer> {
  const text = TEXT.test(response.headers.get('content-type') ?? 'text/plain')
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: text ? await response.text() : Buffer.from(await response.arrayBuffer()).toString('base64'),
    isBase64Encoded: !text,
  }
}

function refusal(statusCode: number, name: string, message: string): HttpAnswer {
  const body = JSON.stringify({ statusCode, name, message })
  return { statusCode, headers: { 'content-type': 'application/json' }, body, isBase64Encoded: false }
}
